// Browser SDKs besides Segment's, unmodified, in headless Chromium on a page of this machine; calls and output as in
// analytics-next.js. Arguments: the SDK's name in the table below, host, write key, pause between calls in ms.
const { open, until } = require('./browser.js')
const [name, host, writeKey, pause] = process.argv.slice(2)

// `load` and `call` run in the page. A call's promise does not wait for retries where the SDK has them.
const sdks = {
  'rudder-sdk-js': {
    script: 'rudder-sdk-js/dist/npm/index.js',
    load: ({ host, writeKey }) => {
      window.analytics = window.rudderanalytics
      window.analytics.load(writeKey, host, { configUrl: host })
      return new Promise((resolve) => window.analytics.ready(() => resolve()))
    },
    call: ({ type, message }) => {
      window.analytics[type](...message)
    },
  },
  'cdp-analytics-browser': {
    script: '@customerio/cdp-analytics-browser/dist/umd/index.js',
    load: ({ host, writeKey }) => {
      window.analytics = window.AnalyticsNext.AnalyticsBrowser.load(
        { writeKey, cdnSettings: { integrations: { 'Customer.io Data Pipelines': { apiKey: writeKey } } } },
        { integrations: { 'Customer.io Data Pipelines': { apiHost: `${new URL(host).host}/v1`, protocol: 'http' } } },
      )
    },
    call: async ({ type, message }) => void (await window.analytics[type](...message)),
  },
  'events-sdk-js-browser': {
    script: '@ht-sdks/events-sdk-js-browser/dist/umd/index.js',
    load: ({ host, writeKey }) => {
      window.analytics = window.HtEvents.HtEventsBrowser.load(
        { writeKey },
        { apiHost: new URL(host).host, protocol: 'http' },
      )
    },
    call: async ({ type, message }) => void (await window.analytics[type](...message)),
  },
}

const main = async () => {
  const { script, load, call } = sdks[name]
  const page = `<!doctype html><meta charset="utf-8"><title>Tëst 🎉</title><script src="/modules/${script}"></script>`
  let [made, arrived] = [0, 0]
  const { tab, strangers, close } = await open(page, (request) => {
    arrived += JSON.parse(request.postData()).batch?.length ?? 1
  })
  await tab.evaluate(load, { host, writeKey })
  for await (const line of require('readline').createInterface({ input: process.stdin })) {
    const one = JSON.parse(line)
    made += 1
    await tab.evaluate(call, one)
    console.log(JSON.stringify({ error: null }))
    if (Number(pause)) await new Promise((resolve) => setTimeout(resolve, Number(pause)))
  }
  await until(() => arrived >= made, 60000)
  await close()
  if (strangers.length) throw new Error(`the page asked others: ${strangers}`)
  if (arrived !== made) throw new Error(`${arrived} of ${made} events were taken`)
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
