// Runtime: Node.js 20 or newer. Event source mapping: FunctionResponseTypes = ["ReportBatchItemFailures"]. Also set
// MaximumRetryAttempts and an on-failure destination: without them, a record that always fails stops its shard until it expires.
const SEEN_MAX = 10_000
const seen = new Set() // The messageIds that this instance has stored, oldest first.

// Your code. Store the event under its messageId: another instance can get it again, and must not store it twice.
const store = async (event) => {
  console.log(JSON.stringify(event))
}

const decode = (data) => [JSON.parse(Buffer.from(data.toString(), "base64").toString())]

const eventsIn = (kinesis) => decode(Buffer.from(kinesis.data, "base64"))

const read = async (kinesis) => {
  for (const event of eventsIn(kinesis)) {
    if (!event.messageId) throw new Error("no messageId")
    // Delivery is at least once.
    if (seen.has(event.messageId)) continue
    await store(event)
    seen.add(event.messageId)
    if (seen.size > SEEN_MAX) seen.delete(seen.values().next().value)
  }
}

export const handler = async ({ Records }) => {
  for (const { kinesis } of Records) {
    try {
      await read(kinesis)
    } catch (error) {
      console.error(`record ${kinesis.sequenceNumber}:`, error)
      // Lambda sends this record and those after it again, so the order stays.
      return { batchItemFailures: [{ itemIdentifier: kinesis.sequenceNumber }] }
    }
  }
  return { batchItemFailures: [] }
}
