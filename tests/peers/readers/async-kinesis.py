"""async-kinesis, unmodified: a consumer that finds the shards, reads them together and keeps checkpoints.

async-kinesis.py STREAM COUNT: prints a line of JSON for each of the COUNT records.
"""

import asyncio
import base64
import json
import os
import sys

from kinesis import Consumer, MemoryCheckPointer
from kinesis.processors import Processor
from kinesis.aggregators import SimpleAggregator
from kinesis.serializers import StringSerializer


class BytesSerializer(StringSerializer):
    def deserialize(self, data):
        return data


class BytesProcessor(SimpleAggregator, BytesSerializer):
    pass


async def main():
    stream, count = sys.argv[1], int(sys.argv[2])
    consumer = Consumer(
        stream_name=stream,
        endpoint_url=os.environ["AWS_ENDPOINT_URL_KINESIS"],
        region_name=os.environ["AWS_REGION"],
        checkpointer=MemoryCheckPointer(),
        iterator_type="TRIM_HORIZON",
        processor=BytesProcessor(),
        sleep_time_no_records=0.1,
    )
    found = 0
    async with consumer:
        while found < count:
            async for item in consumer:
                found += 1
                print(json.dumps({"data": base64.b64encode(item).decode()}), flush=True)
            await asyncio.sleep(0.1)


asyncio.run(asyncio.wait_for(main(), 60))
