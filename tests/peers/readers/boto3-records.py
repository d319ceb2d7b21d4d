"""boto3, unmodified: reads a stream from its oldest record on, with no other setting than the environment.

boto3-records.py STREAM COUNT: prints a line of JSON for each of the COUNT records.
"""

import base64
import json
import sys

import boto3

stream, count = sys.argv[1], int(sys.argv[2])
client = boto3.client("kinesis")
pages = client.get_paginator("list_shards").paginate(StreamName=stream)
shards = [shard["ShardId"] for page in pages for shard in page["Shards"]]
found = 0
for shard in shards:
    start = client.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    iterator = start["ShardIterator"]
    while iterator:
        page = client.get_records(ShardIterator=iterator, Limit=7)
        for record in page["Records"]:
            found += 1
            line = {
                "shardId": shard,
                "partitionKey": record["PartitionKey"],
                "data": base64.b64encode(record["Data"]).decode(),
                "sequenceNumber": record["SequenceNumber"],
            }
            print(json.dumps(line))
        is_last = not page["Records"] and page["MillisBehindLatest"] == 0
        iterator = None if is_last else page.get("NextShardIterator")
assert found == count, f"{found} of {count}"
