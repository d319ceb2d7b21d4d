// @segment/analytics-next, unmodified, in headless Chromium on a page of this machine; reads calls from stdin, one JSON
// line each: a type and its arguments. Prints one JSON line a call: what its promise told. Arguments: host, write key,
// way of loading (settings: the endpoint's own; page: all settings in the page), delivery (standard or batching), pause
// between calls in ms.
const { open, until } = require('./browser.js')
const [host, writeKey, loading, delivery, pause] = process.argv.slice(2)

const page = '<!doctype html><meta charset="utf-8"><title>Tëst 🎉</title><script src="/sdk/index.js"></script>'

// In the page.
const load = ({ host, writeKey, loading, delivery }) => {
  const batching = { strategy: 'batching', config: { size: 5, timeout: 500 } }
  const ours = delivery === 'batching' ? { deliveryStrategy: batching } : {}
  const url = new URL(host)
  const prefix = url.pathname === '/' ? '' : url.pathname
  const address = { apiHost: `${url.host}${prefix}/v1`, protocol: url.protocol.slice(0, -1) }
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
  let [made, arrived] = [0, 0]
  const { tab, strangers, close } = await open(page, (request) => {
    arrived += JSON.parse(request.postData()).batch?.length ?? 1
  })
  await tab.evaluate(load, { host, writeKey, loading, delivery })
  for await (const line of require('readline').createInterface({ input: process.stdin })) {
    const one = JSON.parse(line)
    made += 1
    const error = await tab.evaluate(call, one)
    console.log(JSON.stringify({ error: error && String(error) }))
    if (Number(pause)) await new Promise((resolve) => setTimeout(resolve, Number(pause)))
  }
  // Its promises do not wait for retries.
  await until(() => arrived >= made, 60000)
  await close()
  if (strangers.length) throw new Error(`the page asked others: ${strangers}`)
  if (arrived !== made) throw new Error(`${arrived} of ${made} events were taken`)
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
