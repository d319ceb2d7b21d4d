# Runtime: Python 3.9 or newer. Event source mapping: FunctionResponseTypes = ["ReportBatchItemFailures"]. Also set
# MaximumRetryAttempts and an on-failure destination: without them, a record that always fails stops its shard until it expires.
import base64
import json
import logging

SEEN_MAX = 10_000

log = logging.getLogger()
seen = {}  # The messageIds that this instance has stored, oldest first.


def store(event):
    """Your code. Store the event under its messageId: another instance can get it again, and must not store it twice."""
    print(json.dumps(event))


def decode(data):
    return [json.loads(base64.b64decode(data, validate=True))]


def events_in(record):
    return decode(base64.b64decode(record["kinesis"]["data"]))


def read(record):
    for event in events_in(record):
        # Delivery is at least once.
        if event["messageId"] in seen:
            continue
        store(event)
        seen[event["messageId"]] = True
        if len(seen) > SEEN_MAX:
            del seen[next(iter(seen))]


def handler(batch, context):
    for record in batch["Records"]:
        sequence_number = record["kinesis"]["sequenceNumber"]
        try:
            read(record)
        except Exception:
            log.exception("record %s", sequence_number)
            # Lambda sends this record and those after it again, so the order stays.
            return {"batchItemFailures": [{"itemIdentifier": sequence_number}]}
    return {"batchItemFailures": []}
