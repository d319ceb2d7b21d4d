// lifion-kinesis, unmodified: two workers of one group, which share the shards by leases and store their checkpoints in
// DynamoDB, here dynalite on loopback. They read with GetRecords: their fan-out asks AWS, whatever endpoint is set.
//
// lifion-kinesis.js STREAM COUNT: prints a line of JSON for each of the COUNT records, and at the end one with the table's
// shards. It ends after a minute.
process.env.AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE = '1'
const AWS = require('aws-sdk')
const dynalite = require('dynalite')
const Kinesis = require('lifion-kinesis')

const [stream, count] = process.argv.slice(2)
const consumerGroup = 'peers'
const tableName = 'leases'
let found = 0

const start = async (worker, dynamoDb) => {
  const consumer = new Kinesis({
    endpoint: process.env.AWS_ENDPOINT_URL_KINESIS,
    region: process.env.AWS_REGION,
    streamName: stream,
    consumerGroup,
    createStreamIfNeeded: false,
    initialPositionInStream: 'TRIM_HORIZON',
    leaseAcquisitionInterval: 200,
    shouldParseJson: false,
    logger: { warn: console.error, error: console.error },
    dynamoDb: { ...dynamoDb, tableName },
  })
  consumer.on('error', (error) => { throw error })
  consumer.on('data', ({ shardId, records }) => {
    for (const { partitionKey, data, sequenceNumber } of records) {
      found += 1
      console.log(JSON.stringify({ worker, shardId, partitionKey, data: data.toString('base64'), sequenceNumber }))
    }
  })
  await consumer.startConsumer()
}

const end = async (dynamoDb) => {
  const table = new AWS.DynamoDB.DocumentClient(dynamoDb)
  const state = await table.get({ TableName: tableName, Key: { consumerGroup, streamName: stream } }).promise()
  process.stdout.write(JSON.stringify({ shards: state.Item.shards }) + '\n', () => process.exit())
}

setTimeout(() => process.exit(1), 60_000)
const server = dynalite({ createTableMs: 0 })
server.listen(0, '127.0.0.1', async () => {
  const dynamoDb = { endpoint: `http://127.0.0.1:${server.address().port}`, region: process.env.AWS_REGION }
  await start('first', dynamoDb)
  await start('second', dynamoDb)
  // A moment longer than it needs, so that records that come twice are seen.
  const wait = setInterval(() => {
    if (found < Number(count)) return
    clearInterval(wait)
    setTimeout(() => end(dynamoDb), 500)
  }, 50)
})
