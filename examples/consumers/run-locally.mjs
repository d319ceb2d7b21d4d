// Hands the records of `tributary tail --raw` to the handler of lambda.mjs, as Lambda does: in batches, in the order of the shard.
import { createInterface } from 'node:readline'
import { handler } from './lambda.mjs'

const BATCH = 100

const asLambda = ({ sequenceNumber, shardId, partitionKey, data }) => ({
  eventSource: 'aws:kinesis',
  eventID: `${shardId}:${sequenceNumber}`,
  kinesis: { kinesisSchemaVersion: '1.0', sequenceNumber, partitionKey, data },
})

const deliver = async (Records) => {
  const { batchItemFailures } = await handler({ Records })
  if (batchItemFailures.length) throw new Error(`not handled: ${batchItemFailures[0].itemIdentifier}`)
}

let batch = []
for await (const line of createInterface({ input: process.stdin })) {
  batch.push(asLambda(JSON.parse(line)))
  if (batch.length === BATCH) await deliver(batch.splice(0))
}
if (batch.length) await deliver(batch)
