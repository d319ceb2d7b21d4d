// The legacy analytics-node, unmodified; arguments and output as in analytics-node.js.
const Analytics = require('analytics-node')
const [host, writeKey, pause] = process.argv.slice(2)

const main = async () => {
  // Its default has no timeout and gives up after two seconds (tracking-api.md, section 8). A timeout is for one batch
  // with all its retries together: ten seconds of 503 are longer than one of ten seconds. And a batch that is given up
  // is a rejected promise of the timer's, which ends the program, unless there is an errorHandler.
  const errorHandler = (error) => console.error(error.message)
  const analytics = new Analytics(writeKey, { host, timeout: 60000, retryCount: 10, errorHandler })
  let [made, told] = [0, 0]
  for await (const line of require('readline').createInterface({ input: process.stdin })) {
    const { type, message } = JSON.parse(line)
    made += 1
    analytics[type](message, (error) => {
      told += 1
      console.log(JSON.stringify({ error: error ? String(error) : null }))
    })
    if (Number(pause)) await new Promise((resolve) => setTimeout(resolve, Number(pause)))
  }
  while (told < made) {
    await analytics.flush()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
