// npm install @aws-sdk/client-kinesis
//
// Reads all shards of the stream, from the oldest record on, and keeps its positions in a file. Run one of it: to share the
// shards among several workers, use the KCL.
import {
  ExpiredIteratorException,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
} from "@aws-sdk/client-kinesis"
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { setTimeout as pause } from "node:timers/promises"

const STREAM = { StreamName: "events" }
const POSITIONS = "positions.json"
const SEEN_MAX = 100_000

const kinesis = new KinesisClient({ region: "eu-west-1", maxAttempts: 10 })

// Of each shard, the last record that was handled.
const positions = new Map(existsSync(POSITIONS) ? JSON.parse(readFileSync(POSITIONS, "utf8")) : [])
const seen = new Set() // The messageIds of the latest events, oldest first.
const iterators = new Map()
const ended = new Set()

// Your code. If it throws, the program ends, and the next start reads the record again.
const handle = async (event) => {
  console.log(JSON.stringify(event))
}

const decode = (data) => [JSON.parse(Buffer.from(data.toString(), "base64").toString())]

const eventsIn = (record) => decode(Buffer.from(record.Data))

const read = async (record) => {
  let events
  try {
    events = eventsIn(record)
    if (!events.every((event) => event?.messageId)) throw new Error("no messageId")
  } catch (error) {
    console.error(`skipped record ${record.SequenceNumber}, which is no event:`, error)
    return
  }
  for (const event of events) {
    // Delivery is at least once. In memory, so across restarts only a unique key in your store helps.
    if (seen.has(event.messageId)) continue
    await handle(event)
    seen.add(event.messageId)
    if (seen.size > SEEN_MAX) seen.delete(seen.values().next().value)
  }
}

const savePositions = () => {
  writeFileSync(`${POSITIONS}.new`, JSON.stringify([...positions]))
  renameSync(`${POSITIONS}.new`, POSITIONS)
}

const allShards = async () => {
  const shards = []
  let request = STREAM
  while (request) {
    const { Shards, NextToken } = await kinesis.send(new ListShardsCommand(request))
    shards.push(...Shards)
    request = NextToken && { NextToken }
  }
  return shards
}

const openShard = async (ShardId) => {
  const last = positions.get(ShardId)
  const start = last
    ? { ShardIteratorType: "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber: last }
    : { ShardIteratorType: "TRIM_HORIZON" }
  const answer = await kinesis.send(new GetShardIteratorCommand({ ...STREAM, ShardId, ...start }))
  iterators.set(ShardId, answer.ShardIterator)
}

// A shard is read after its parents, so that the events of a user stay in order.
const openShards = async () => {
  const shards = await allShards()
  const listed = new Set(shards.map(({ ShardId }) => ShardId))
  for (const { ShardId, ParentShardId, AdjacentParentShardId } of shards) {
    const parents = [ParentShardId, AdjacentParentShardId].filter((id) => listed.has(id))
    const isNew = !iterators.has(ShardId) && !ended.has(ShardId)
    if (isNew && parents.every((id) => ended.has(id))) await openShard(ShardId)
  }
}

// Reads the next records of a shard. Returns how many milliseconds it is behind.
const readOnce = async (shardId) => {
  let answer
  try {
    answer = await kinesis.send(new GetRecordsCommand({ ShardIterator: iterators.get(shardId) }))
  } catch (error) {
    if (!(error instanceof ExpiredIteratorException)) throw error
    await openShard(shardId)
    return 1
  }
  try {
    for (const record of answer.Records) {
      await read(record)
      positions.set(shardId, record.SequenceNumber)
    }
  } finally {
    if (answer.Records.length) savePositions()
  }
  if (answer.NextShardIterator) {
    iterators.set(shardId, answer.NextShardIterator)
  } else {
    // The shard was split or merged, and is read to its end.
    iterators.delete(shardId)
    ended.add(shardId)
    await openShards()
  }
  return answer.MillisBehindLatest ?? 0
}

await openShards()
for (;;) {
  let behind = 0
  for (const shardId of [...iterators.keys()]) behind = Math.max(behind, await readOnce(shardId))
  // A shard can be read five times a second.
  await pause(behind ? 200 : 1000)
}
