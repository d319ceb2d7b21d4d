// aws-kinesis-agg for Node, unmodified: takes aggregated records apart; input and output as in deaggregate.py.
const { deaggregateSync } = require('aws-kinesis-agg')

const main = async () => {
  for await (const line of require('readline').createInterface({ input: process.stdin })) {
    const record = { data: line, partitionKey: 'outside', sequenceNumber: '0' }
    deaggregateSync(record, true, (error, found) => {
      if (error) throw error
      const userRecords = found.map(({ partitionKey, explicitPartitionKey, data, subSequenceNumber }) => ({
        partitionKey,
        explicitHashKey: explicitPartitionKey ?? null,
        data,
        place: subSequenceNumber === undefined ? null : subSequenceNumber + 1,
      }))
      console.log(JSON.stringify(userRecords))
    })
  }
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
