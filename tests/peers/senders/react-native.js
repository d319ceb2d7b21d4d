// The core of @segment/analytics-react-native, unmodified, on Node, with a stand-in for the platform; calls and output as
// in analytics-node.js. Arguments: host, write key, pause between calls in ms. The options are those of our own snippet.
require('./react-native-platform.js')
const { createClient } = require('@segment/analytics-react-native')
const [host, writeKey, pause] = process.argv.slice(2)

const main = async () => {
  let [made, arrived] = [0, 0]
  const fetchAsEver = globalThis.fetch
  globalThis.fetch = async (url, options) => {
    const { hostname } = new URL(url)
    if (hostname !== '127.0.0.1') throw new Error(`asked others: ${url}`)
    const answer = await fetchAsEver(url, options)
    if (answer.ok && options?.body) arrived += JSON.parse(options.body).batch.length
    return answer
  }
  const client = createClient({
    writeKey,
    proxy: `${host}/v1`,
    cdnProxy: `${host}/v1`,
    useSegmentEndpoints: true,
    allowInsecureProxy: true,
    defaultSettings: { integrations: { 'Segment.io': { apiKey: writeKey } } },
    // Its log goes to standard output.
    debug: false,
  })
  const calls = {
    alias: ({ userId }) => client.alias(userId),
    group: ({ groupId, traits }) => client.group(groupId, traits),
    identify: ({ userId, traits }) => client.identify(userId, traits),
    screen: ({ name, properties }) => client.screen(name, properties),
    track: ({ event, properties }) => client.track(event, properties),
  }
  for await (const line of require('readline').createInterface({ input: process.stdin })) {
    const { type, message } = JSON.parse(line)
    made += 1
    await calls[type](message)
    console.log(JSON.stringify({ error: null }))
    if (Number(pause)) await new Promise((resolve) => setTimeout(resolve, Number(pause)))
  }
  for (const late = Date.now() + 90000; arrived < made && Date.now() < late; ) {
    await client.flush()
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  if (arrived !== made) throw new Error(`${arrived} of ${made} events were taken`)
}

main().then(() => process.exit(0), (error) => {
  console.error(error)
  process.exit(1)
})
