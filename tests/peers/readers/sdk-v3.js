// The AWS SDK for JavaScript, unmodified and with its default handler, which speaks HTTP/2: reads a stream from its oldest
// record on, with no other setting than the environment.
//
// sdk-v3.js records|fan-out STREAM COUNT: prints a line of JSON for each of the COUNT records, read with GetRecords or by
// a subscription to each shard.
const {
  KinesisClient, DescribeStreamSummaryCommand, GetRecordsCommand, GetShardIteratorCommand, PutRecordCommand,
  RegisterStreamConsumerCommand, DeregisterStreamConsumerCommand, SubscribeToShardCommand, ListShardsCommand,
} = require('@aws-sdk/client-kinesis')

const [way, stream, count] = process.argv.slice(2)
const client = new KinesisClient({})
let found = 0

const show = (shardId, records) => {
  for (const { PartitionKey, Data, SequenceNumber } of records) {
    found += 1
    const data = Buffer.from(Data).toString('base64')
    console.log(JSON.stringify({ shardId, partitionKey: PartitionKey, data, sequenceNumber: SequenceNumber }))
  }
}

const shards = async () => {
  const ids = []
  let from = { StreamName: stream }
  while (from) {
    const page = await client.send(new ListShardsCommand({ ...from, MaxResults: 2 }))
    ids.push(...page.Shards.map((shard) => shard.ShardId))
    from = page.NextToken && { NextToken: page.NextToken }
  }
  return ids
}

const readRecords = async (shardId) => {
  const start = { StreamName: stream, ShardId: shardId, ShardIteratorType: 'TRIM_HORIZON' }
  let iterator = (await client.send(new GetShardIteratorCommand(start))).ShardIterator
  while (iterator) {
    const page = await client.send(new GetRecordsCommand({ ShardIterator: iterator, Limit: 7 }))
    show(shardId, page.Records)
    iterator = page.Records.length === 0 && page.MillisBehindLatest === 0 ? undefined : page.NextShardIterator
  }
}

// Ends with the shard, or when all subscriptions together have got all records.
const subscribe = async (consumer, shardId) => {
  const start = { ConsumerARN: consumer, ShardId: shardId, StartingPosition: { Type: 'TRIM_HORIZON' } }
  const answer = await client.send(new SubscribeToShardCommand(start))
  for await (const { SubscribeToShardEvent: event } of answer.EventStream) {
    show(shardId, event.Records)
    if (event.ChildShards || found >= Number(count)) return
  }
}

const fanOut = async () => {
  const summary = await client.send(new DescribeStreamSummaryCommand({ StreamName: stream }))
  const arn = summary.StreamDescriptionSummary.StreamARN
  const registered = await client.send(new RegisterStreamConsumerCommand({ StreamARN: arn, ConsumerName: 'sdk-v3' }))
  const consumer = registered.Consumer.ConsumerARN
  await Promise.all((await shards()).map((shardId) => subscribe(consumer, shardId)))
  await client.send(new DeregisterStreamConsumerCommand({ ConsumerARN: consumer }))
}

const main = async () => {
  const protocol = client.config.requestHandler.metadata.handlerProtocol
  if (protocol !== 'h2') throw new Error(`the default handler speaks ${protocol}`)
  if (way === 'records') for (const shardId of await shards()) await readRecords(shardId)
  else await fanOut()
  if (found !== Number(count)) throw new Error(`${found} of ${count}`)
  client.destroy()
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
