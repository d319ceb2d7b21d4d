# pip install boto3
#
# Reads all shards of the stream, from the oldest record on, and keeps its positions in a file. Run one of it: to share the
# shards among several workers, use the KCL.
import base64
import json
import logging
import os
import time

import boto3
from botocore.config import Config

STREAM = {"StreamName": "events"}
POSITIONS = "positions.json"
SEEN_MAX = 100_000

log = logging.getLogger("consumer")
retries = Config(retries={"mode": "standard", "max_attempts": 10})
kinesis = boto3.client("kinesis", region_name="eu-west-1", config=retries)

positions = {}  # Of each shard, the last record that was handled.
seen = {}  # The messageIds of the latest events, oldest first.


def handle(event):
    """Your code. If it raises, the program ends, and the next start reads the record again."""
    print(json.dumps(event), flush=True)


def decode(data):
    return [json.loads(base64.b64decode(data, validate=True))]


def events_in(record):
    return decode(record["Data"])


def read(record):
    try:
        events = [(event["messageId"], event) for event in events_in(record)]
    except (ValueError, KeyError, TypeError) as error:
        log.error("skipped record %s, which is no event: %r", record["SequenceNumber"], error)
        return
    for message_id, event in events:
        # Delivery is at least once. In memory, so across restarts only a unique key in your store helps.
        if message_id in seen:
            continue
        handle(event)
        seen[message_id] = True
        if len(seen) > SEEN_MAX:
            del seen[next(iter(seen))]


def save_positions():
    with open(POSITIONS + ".new", "w") as file:
        json.dump(positions, file)
    os.replace(POSITIONS + ".new", POSITIONS)


def all_shards():
    answer = kinesis.list_shards(**STREAM)
    yield from answer["Shards"]
    while "NextToken" in answer:
        answer = kinesis.list_shards(NextToken=answer["NextToken"])
        yield from answer["Shards"]


def iterator_of(shard_id):
    if shard_id in positions:
        start = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": positions[shard_id]}
    else:
        start = {"ShardIteratorType": "TRIM_HORIZON"}
    return kinesis.get_shard_iterator(**STREAM, ShardId=shard_id, **start)["ShardIterator"]


def open_shards(iterators, ended):
    """A shard is read after its parents, so that the events of a user stay in order."""
    shards = list(all_shards())
    listed = {shard["ShardId"] for shard in shards}
    for shard in shards:
        shard_id = shard["ShardId"]
        parents = {shard.get("ParentShardId"), shard.get("AdjacentParentShardId")} & listed
        if shard_id not in iterators and shard_id not in ended and parents <= ended:
            iterators[shard_id] = iterator_of(shard_id)


def read_once(shard_id, iterators, ended):
    """Reads the next records of a shard. Returns how many milliseconds it is behind."""
    try:
        answer = kinesis.get_records(ShardIterator=iterators[shard_id])
    except kinesis.exceptions.ExpiredIteratorException:
        iterators[shard_id] = iterator_of(shard_id)
        return 1
    try:
        for record in answer["Records"]:
            read(record)
            positions[shard_id] = record["SequenceNumber"]
    finally:
        if answer["Records"]:
            save_positions()
    if answer.get("NextShardIterator"):
        iterators[shard_id] = answer["NextShardIterator"]
    else:
        # The shard was split or merged, and is read to its end.
        del iterators[shard_id]
        ended.add(shard_id)
        open_shards(iterators, ended)
    return answer.get("MillisBehindLatest", 0)


def main():
    logging.basicConfig()
    if os.path.exists(POSITIONS):
        with open(POSITIONS) as file:
            positions.update(json.load(file))
    iterators, ended = {}, set()
    open_shards(iterators, ended)
    while True:
        behind = max([read_once(shard_id, iterators, ended) for shard_id in list(iterators)], default=0)
        # A shard can be read five times a second.
        time.sleep(0.2 if behind else 1)


if __name__ == "__main__":
    main()
