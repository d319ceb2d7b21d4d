// An AWS Lambda function that reads the stream.
//
// Event source mapping: FunctionResponseTypes = ["ReportBatchItemFailures"], and ParallelizationFactor = 1 if you aggregate and the
// order per user matters.
import { deaggregateSync } from 'aws-kinesis-agg'

export const handler = async ({ Records }, store = storeEvent) => {
  for (const { kinesis } of Records) {
    try {
      for (const event of eventsOf(kinesis)) await store(event)
    } catch (error) {
      console.error(`record ${kinesis.sequenceNumber}:`, error)
      // Stop here: Lambda sends the batch again from this record on, so the order stays.
      return { batchItemFailures: [{ itemIdentifier: kinesis.sequenceNumber }] }
    }
  }
  return { batchItemFailures: [] }
}

// Delivery is at least once: write in such a way that the same messageId again changes nothing (a primary key, a conditional put).
const storeEvent = async (event) => {
  console.log(JSON.stringify(event))
}

// The events of one record, in order.
export const eventsOf = (record) => userRecordsOf(record).flatMap(decode)

// The data of each user record: several in a record that Tributary aggregated ("kpl"), otherwise the record's own.
const userRecordsOf = (record) => {
  let found
  deaggregateSync(record, true, (error, userRecords) => {
    if (error) throw error
    found = userRecords.map(({ data }) => Buffer.from(data, 'base64').toString())
  })
  return found
}

// The encodings "json", "json-lines" (one or more lines) and "base64".
const decode = (text) => {
  const json = text.startsWith('{') ? text : Buffer.from(text, 'base64').toString()
  return json.split('\n').filter(Boolean).map((line) => JSON.parse(line))
}
