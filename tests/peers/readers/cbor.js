// The wire format of the AWS SDK for Java, written and read by the npm package cbor: puts a record, reads the stream from
// its oldest record on, and sends what is no request.
//
// cbor.js STREAM COUNT: prints a line of JSON for each of the COUNT records, all in the first shard.
const cbor = require('cbor')

const [stream, count] = process.argv.slice(2)
const scope = `${process.env.AWS_ACCESS_KEY_ID}/20261130/us-east-1/kinesis/aws4_request`

const call = async (operation, body) => {
  const answer = await fetch(process.env.AWS_ENDPOINT_URL_KINESIS, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/x-amz-cbor-1.1',
      'X-Amz-Target': `Kinesis_20131202.${operation}`,
      'X-Amz-Date': '20261130T000000Z',
      Authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=00`,
    },
    body,
  })
  if (answer.headers.get('content-type') !== 'application/x-amz-cbor-1.1') throw new Error('another format')
  const bytes = Buffer.from(await answer.arrayBuffer())
  // A time is tag 1 with milliseconds, where CBOR itself has seconds.
  const tags = { 1: (ms) => ({ ms }) }
  const found = bytes.length === 0 ? {} : cbor.decodeFirstSync(bytes, { tags })
  if (answer.status !== 200) throw Object.assign(new Error(found.message), { code: found.__type })
  return found
}

const main = async () => {
  const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  await call('PutRecord', cbor.encode({ StreamName: stream, PartitionKey: 'ключ 🙂', ExplicitHashKey: '0', Data: every }))
  // Maps of indefinite length, as the SDK writes them.
  const start = new Map([['StreamName', stream], ['ShardId', 'shardId-000000000000'], ['ShardIteratorType', 'AT_TIMESTAMP']])
  const time = new cbor.Tagged(1, Date.now() - 60_000)
  const { ShardIterator } = await call('GetShardIterator', cbor.encode(new Map([...start, ['Timestamp', time]])))
  const { Records } = await call('GetRecords', cbor.encode({ ShardIterator, Limit: 100 }))
  for (const { PartitionKey, Data, SequenceNumber, ApproximateArrivalTimestamp } of Records) {
    if (!Buffer.isBuffer(Data)) throw new Error('data is no bytes')
    if (Math.abs(Date.now() - ApproximateArrivalTimestamp.ms) > 60_000) throw new Error('another time')
    const data = Data.toString('base64')
    console.log(JSON.stringify({ partitionKey: PartitionKey, data, sequenceNumber: SequenceNumber }))
  }
  if (Records.length !== Number(count)) throw new Error(`${Records.length} of ${count}`)
  const refused = await call('PutRecord', Buffer.from([0xa1])).catch((error) => error.code)
  if (refused !== 'SerializationException') throw new Error(`half a map: ${refused}`)
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
