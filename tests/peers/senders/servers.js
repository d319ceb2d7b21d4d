// SDKs for Node besides Segment's, unmodified; calls and output as in analytics-node.js. Arguments: the SDK's name in the
// table below, host, write key, pause between calls in ms. Each has the options of our own snippet, where it has one, or
// those that docs/capture.md advises. Standard output is for the answers alone.
const [name, host, writeKey, pause] = process.argv.slice(2)

// What a call's `make` is given besides its message is told of its result; `end` waits until all is sent.
const sdks = {
  'rudder-sdk-node': () => {
    const RudderAnalytics = require('@rudderstack/rudder-sdk-node')
    const analytics = new RudderAnalytics(writeKey, {
      dataPlaneUrl: host,
      timeout: 60000,
      retryCount: 10,
      errorHandler: (error) => console.error(error.message),
      logLevel: 'error',
    })
    return { make: (type, message, told) => analytics[type](message, told), end: () => analytics.flush() }
  },
  'rudder-service-worker': () => {
    const { Analytics } = require('@rudderstack/analytics-js-service-worker')
    const analytics = new Analytics(writeKey, host, { timeout: 60000, logLevel: 'error' })
    return { make: (type, message, told) => analytics[type](message, told), end: () => analytics.flush() }
  },
  'expo-rudder-sdk-node': () => {
    const { default: Analytics } = require('@expo/rudder-sdk-node')
    const analytics = new Analytics(writeKey, `${host}/v1/batch`)
    return { make: (type, message, told) => analytics[type](message, told), end: () => analytics.flush() }
  },
  // It posts to the address as it is given.
  'expo-rudder-sdk-node, bare': () => {
    const { default: Analytics } = require('@expo/rudder-sdk-node')
    const analytics = new Analytics(writeKey, host)
    return { make: (type, message, told) => analytics[type](message, told), end: () => analytics.flush() }
  },
  'cdp-analytics-node': () => {
    const { Analytics } = require('@customerio/cdp-analytics-node')
    const analytics = new Analytics({ writeKey, host, maxRetries: 30 })
    return {
      make: (type, message, told) => analytics[type](message, told),
      end: () => analytics.closeAndFlush({ timeout: 90000 }),
    }
  },
  // Each call is a request and a promise.
  'customerio-node': () => {
    const { PipelinesClient } = require('customerio-node')
    const analytics = new PipelinesClient(writeKey, {
      url: `${host}/v1`,
      retry: { maxRetries: 20, maxTotalBackoffMs: 60000 },
    })
    const make = (type, message, told) => analytics[type](message).then(() => told(), told)
    return { make, end: async () => {} }
  },
}

const main = async () => {
  const { make, end } = sdks[name]()
  let [made, told] = [0, 0]
  for await (const line of require('readline').createInterface({ input: process.stdin })) {
    const { type, message } = JSON.parse(line)
    made += 1
    await make(type, message, (error) => {
      told += 1
      console.log(JSON.stringify({ error: error ? String(error) : null }))
    })
    if (Number(pause)) await new Promise((resolve) => setTimeout(resolve, Number(pause)))
  }
  for (const late = Date.now() + 90000; told < made && Date.now() < late; ) {
    await end()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  if (told !== made) throw new Error(`${told} callbacks of ${made}`)
}

// Timers of an idle SDK would keep the program.
main().then(() => process.exit(0), (error) => {
  console.error(error)
  process.exit(1)
})
