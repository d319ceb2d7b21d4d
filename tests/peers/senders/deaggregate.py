"""aws-kinesis-agg for Python, unmodified: takes aggregated records apart, as a Lambda function does that reads a stream.

Standard input: the bytes of one record a line, in base64. Prints one JSON list a line: the record's user records, each with
its partition key, its explicit hash key, its data in base64, and its place from 1 (null: it was a record of its own).
"""

import json
import sys

from aws_kinesis_agg.deaggregator import deaggregate_records

for number, line in enumerate(sys.stdin):
    record = {
        "kinesisSchemaVersion": "1.0",
        "sequenceNumber": str(number),
        "approximateArrivalTimestamp": 0,
        "partitionKey": "outside",
        "data": line.strip(),
    }
    found = [found["kinesis"] for found in deaggregate_records([{"kinesis": record}])]
    user_records = [
        {
            "partitionKey": user_record["partitionKey"],
            "explicitHashKey": user_record.get("explicitHashKey"),
            "data": user_record["data"] if isinstance(user_record["data"], str) else user_record["data"].decode(),
            "place": user_record["subSequenceNumber"] + 1 if user_record.get("aggregated") else None,
        }
        for user_record in found
    ]
    print(json.dumps(user_records))
