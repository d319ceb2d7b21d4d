#!/usr/bin/env bash
# aws-kinesis-agg (Python 1.2.3, npm 4.2.8) gives a user record that has no explicit hash key that of another one.
#
# In the KPL's format (messages.proto) `explicit_hash_key_index` of a user record is optional: a record may hold user
# records with an explicit hash key beside others without, whose hash key is the MD5 of their partition key. One would
# expect `explicitHashKey` to be absent for these, as the KCL has it (`hasExplicitHashKeyIndex`). Both libraries read the
# index without asking whether it is there: it is 0 then, and the first entry of the table is reported. Only with an empty
# table they report none. Who puts the user records into another stream by what is reported sends them to another shard.
# So: in one record give an explicit hash key to all user records or to none.
#
# Seen (partition key: explicit hash key): "with: 42, without: 42" by both; with an empty table "without: none".
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check aws-kinesis-agg==1.2.3 protobuf==7.36.2 six==1.17.0
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts --save-exact aws-kinesis-agg@4.2.8

cat >run.py <<'EOF'
import base64, hashlib, sys
# First: it makes the other module importable.
from aws_kinesis_agg.deaggregator import deaggregate_records
from aws_kinesis_agg import MAGIC, messages_pb2

def aggregated(keys):
    message = messages_pb2.AggregatedRecord()
    for key, hash_key in keys:
        record = message.records.add(partition_key_index=len(message.partition_key_table), data=b"{}")
        message.partition_key_table.append(key)
        if hash_key:
            record.explicit_hash_key_index = len(message.explicit_hash_key_table)
            message.explicit_hash_key_table.append(hash_key)
    bytes_ = message.SerializeToString()
    return base64.b64encode(MAGIC + bytes_ + hashlib.md5(bytes_).digest()).decode()

for keys in [[("with", "42"), ("without", None)], [("without", None)]]:
    data = aggregated(keys)
    record = {"kinesisSchemaVersion": "1.0", "sequenceNumber": "1", "partitionKey": "k", "approximateArrivalTimestamp": 0, "data": data}
    found = [found["kinesis"] for found in deaggregate_records([{"kinesis": record}])]
    print("python", ", ".join(f"{user['partitionKey']}: {user['explicitHashKey'] or 'none'}" for user in found))
    print(data, file=sys.stderr)
EOF
cat >run.js <<'EOF'
const { deaggregateSync } = require('aws-kinesis-agg')
for (const data of require('fs').readFileSync('records', 'utf8').trim().split('\n')) {
  deaggregateSync({ data, partitionKey: 'k', sequenceNumber: '1' }, true, (error, found) => {
    if (error) throw error
    console.log('node', found.map((user) => `${user.partitionKey}: ${user.explicitPartitionKey ?? 'none'}`).join(', '))
  })
}
EOF
seen="$(python/bin/python run.py 2>records && node run.js)"
echo "$seen"
want='python with: 42, without: 42
python without: none
node with: 42, without: 42
node without: none'
[[ "$seen" == "$want" ]] || { echo "changed: expected $want"; exit 1; }
