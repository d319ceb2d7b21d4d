// Headless Chromium on a page of this machine, for the other scripts here.
const { chromium } = require('playwright-core')
const fs = require('fs')
const http = require('http')
const path = require('path')

// What npm installed, from this machine: no CDN. `/sdk/` is analytics-next, `/modules/` any package.
const sdk = path.dirname(require.resolve('@segment/analytics-next/dist/umd/index.js'))
const bundle = (name) => {
  const file = path.join(sdk, path.basename(name))
  return fs.existsSync(file) ? fs.readFileSync(file) : null
}

const packaged = (pathname) => {
  const file = path.join(process.env.NODE_PATH, path.posix.normalize(pathname).replace(/^\/modules\//, ''))
  return pathname.startsWith('/modules/') && fs.existsSync(file) ? fs.readFileSync(file) : null
}

const serve = (page) => {
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost')
    const file = pathname.startsWith('/sdk/') ? bundle(pathname) : packaged(pathname)
    if (pathname === '/') response.setHeader('content-type', 'text/html').end(page)
    else if (file) response.setHeader('content-type', 'text/javascript').end(file)
    else response.writeHead(404).end()
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}

const keyHash = process.env.TRIBUTARY_TEST_KEY_HASH

// `onTaken` is told of each request with events that was answered well. `prepare` sees the tab before the page.
exports.open = async (page, onTaken, prepare = async () => {}) => {
  const server = await serve(page)
  // Playwright gives each browser a new profile of its own.
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync',
      '--disable-background-networking', '--disable-component-update',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
      // The certificate of a test's own proxy.
      ...(keyHash ? [`--ignore-certificate-errors-spki-list=${keyHash}`] : [])],
  })
  const tab = await browser.newPage()
  const strangers = []
  tab.on('pageerror', (error) => console.error('in the page:', error))
  tab.on('console', (line) => console.error('the console:', line.text()))
  tab.on('request', (request) => {
    const { hostname, protocol } = new URL(request.url())
    if (protocol !== 'data:' && !['localhost', '127.0.0.1'].includes(hostname)) strangers.push(request.url())
  })
  tab.on('requestfailed', (request) => console.error('failed:', request.url(), request.failure()?.errorText))
  // The SDK reads no answer to its end, so that its requests need not be called finished.
  tab.on('response', (response) => {
    const request = response.request()
    const isEvents = request.method() === 'POST' || request.url().includes('/v1/pixel/')
    if (isEvents && response.ok()) onTaken(request)
  })
  await prepare(tab)
  await tab.goto(`http://localhost:${server.address().port}/?q=ü`)
  const close = async () => {
    await browser.close()
    server.close()
    server.closeAllConnections()
  }
  return { tab, strangers, close }
}

exports.bundle = bundle

exports.until = async (isSo, ms) => {
  const late = Date.now() + ms
  while (!isSo() && Date.now() < late) await new Promise((resolve) => setTimeout(resolve, 20))
}
