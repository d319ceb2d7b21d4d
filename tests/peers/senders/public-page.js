// Pages that send to an endpoint of this machine, in headless Chromium: one of this machine, and public ones with and without
// a secure context and the user's leave. Arguments: the endpoint's URL, a write key. Prints a JSON line for each page: how
// `fetch` and `sendBeacon` ended. Events are named by their page and their way.
const { chromium } = require('playwright-core')
const http = require('http')
const [endpoint, key] = process.argv.slice(2)

const pages = [
  { page: 'local', host: 'localhost', public: false, leave: false },
  { page: 'public-https', host: 'localhost', public: true, leave: false },
  { page: 'public-https-allowed', host: 'localhost', public: true, leave: true },
  { page: 'public-http', host: 'shop.test', public: true, leave: false },
]

// All are served by this machine. Chromium takes those with this header for public ones, and localhost for as secure as https.
const serve = async () => {
  const server = http.createServer((request, response) => {
    if (request.url === '/public') response.setHeader('content-security-policy', 'treat-as-public-address')
    response.setHeader('content-type', 'text/html').end('<!doctype html><link rel="icon" href="data:,">')
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

const send = async ({ endpoint, key, page }) => {
  const event = (way) => JSON.stringify({ writeKey: key, userId: 'visitor', event: `${page} by ${way}` })
  const beacon = navigator.sendBeacon(`${endpoint}/v1/track`, event('beacon'))
  const headers = { authorization: `Basic ${btoa(`${key}:`)}` }
  const answer = fetch(`${endpoint}/v1/track`, { method: 'POST', headers, body: event('fetch') })
  return { fetch: await answer.then(({ status }) => status, (error) => error.name), beacon }
}

const main = async () => {
  const server = await serve()
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync',
      '--disable-background-networking', '--disable-component-update',
      '--host-resolver-rules=MAP shop.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1'],
  })
  for (const { page, host, public: isPublic, leave } of pages) {
    const context = await browser.newContext()
    if (leave) await context.grantPermissions(['local-network-access'])
    const tab = await context.newPage()
    const reasons = []
    tab.on('console', (line) => reasons.push(line.text()))
    await tab.goto(`http://${host}:${server.address().port}/${isPublic ? 'public' : ''}`)
    const ended = await tab.evaluate(send, { endpoint, key, page })
    console.log(JSON.stringify({ page, ...ended, why: reasons.join(' ') }))
    // A beacon outlives its page, but not its context.
    await new Promise((resolve) => setTimeout(resolve, 1000))
    await context.close()
  }
  await browser.close()
  server.close()
  server.closeAllConnections()
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
