// @segment/analytics-node, unmodified: reads calls from stdin, one JSON line each, and makes them.
// Prints one JSON line a call: what its callback was told. Arguments: host, write key, pause between calls in ms.
const { Analytics } = require('@segment/analytics-node')
const [host, writeKey, pause] = process.argv.slice(2)

const main = async () => {
  const analytics = new Analytics({ writeKey, host })
  analytics.on('error', (error) => console.error('error event:', error.code, String(error.reason)))
  let [made, told] = [0, 0]
  for await (const line of require('readline').createInterface({ input: process.stdin })) {
    const { type, message } = JSON.parse(line)
    made += 1
    analytics[type](message, (error, context) => {
      told += 1
      console.log(JSON.stringify({ error: error ? String(error) : null, messageId: context?.event.messageId }))
    })
    if (Number(pause)) await new Promise((resolve) => setTimeout(resolve, Number(pause)))
  }
  await analytics.closeAndFlush({ timeout: 90000 })
  if (told !== made) throw new Error(`${told} callbacks of ${made}`)
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
