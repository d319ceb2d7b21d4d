// @segment/analytics-next, unmodified, in headless Chromium on a page of this machine; reads calls from stdin, one JSON
// line each: a type and its arguments. Prints one JSON line a call: what its promise told. Arguments: host, write key,
// way of loading (settings: the endpoint's own; page: all settings in the page), delivery (standard or batching).
const { chromium } = require('playwright-core')
const fs = require('fs')
const http = require('http')
const path = require('path')
const [host, writeKey, loading, delivery] = process.argv.slice(2)

// What npm installed, from this machine: no CDN.
const sdk = path.dirname(require.resolve('@segment/analytics-next/dist/umd/index.js'))
const page = '<!doctype html><meta charset="utf-8"><title>Tëst 🎉</title><script src="/sdk/index.js"></script>'

const serve = () => {
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost')
    const file = pathname.startsWith('/sdk/') && path.join(sdk, path.basename(pathname))
    if (pathname === '/') response.setHeader('content-type', 'text/html').end(page)
    else if (file && fs.existsSync(file)) response.setHeader('content-type', 'text/javascript').end(fs.readFileSync(file))
    else response.writeHead(404).end()
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}

// In the page.
const load = ({ host, writeKey, loading, delivery }) => {
  const batching = { strategy: 'batching', config: { size: 5, timeout: 500 } }
  const ours = delivery === 'batching' ? { deliveryStrategy: batching } : {}
  const address = { apiHost: `${new URL(host).host}/v1`, protocol: 'http' }
  const [settings, options] = loading === 'settings'
    ? [{ writeKey, cdnURL: host }, { integrations: { 'Segment.io': ours } }]
    : [{ writeKey, cdnSettings: { integrations: { 'Segment.io': { apiKey: writeKey } } } },
      { integrations: { 'Segment.io': { ...address, ...ours } } }]
  window.analytics = window.AnalyticsNext.AnalyticsBrowser.load(settings, options)
}
const call = async ({ type, message }) => {
  const context = await window.analytics[type](...message)
  return context.failedDelivery()?.reason ?? null
}

const main = async () => {
  const calls = fs.readFileSync(0, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line))
  const server = await serve()
  // Playwright gives each browser a new profile of its own.
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync',
      '--disable-background-networking', '--disable-component-update',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1'],
  })
  const tab = await browser.newPage()
  const strangers = []
  let arrived = 0
  tab.on('pageerror', (error) => console.error('in the page:', error))
  tab.on('console', (line) => console.error('the console:', line.text()))
  tab.on('request', (request) => {
    if (!['localhost', '127.0.0.1'].includes(new URL(request.url()).hostname)) strangers.push(request.url())
  })
  tab.on('requestfailed', (request) => console.error('failed:', request.url(), request.failure()?.errorText))
  // The SDK reads no answer to its end, so that its requests need not be called finished.
  tab.on('response', (response) => {
    const request = response.request()
    if (request.method() !== 'POST' || !response.ok()) return
    const body = JSON.parse(request.postData())
    arrived += body.batch?.length ?? 1
  })
  await tab.goto(`http://localhost:${server.address().port}/?q=ü`)
  await tab.evaluate(load, { host, writeKey, loading, delivery })
  for (const one of calls) {
    const error = await tab.evaluate(call, one)
    console.log(JSON.stringify({ error: error && String(error) }))
  }
  const late = Date.now() + 20000
  while (arrived < calls.length && Date.now() < late) await new Promise((resolve) => setTimeout(resolve, 20))
  await browser.close()
  server.close()
  server.closeAllConnections()
  if (strangers.length) throw new Error(`the page asked others: ${strangers}`)
  if (arrived !== calls.length) throw new Error(`${arrived} of ${calls.length} events were taken`)
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
