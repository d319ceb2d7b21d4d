"""What a user with exactly one policy may do, asked of an independent IAM.

python policy.py URL [KMS_KEY_ARN…] < policy.json: makes a user, the policy and a key with root's keys, then tries every
action with the user's. Prints the key and, for each action on each stream and each KMS key, "ok" or the error's code, as
JSON.
"""

import json
import sys
import uuid

import botocore.exceptions
import botocore.session

REGION = "eu-west-1"
url, kms_keys, document = sys.argv[1], sys.argv[2:], sys.stdin.read()


def client(service, key="test", secret="test"):
    session = botocore.session.get_session()
    return session.create_client(
        service, region_name=REGION, endpoint_url=url, aws_access_key_id=key, aws_secret_access_key=secret
    )


iam, root, kms = client("iam"), client("kinesis"), client("kms")
for stream in ("clicks", "other"):
    try:
        root.create_stream(StreamName=stream, ShardCount=1)
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "ResourceInUseException":
            raise
name = f"user-{uuid.uuid4()}"
iam.create_user(UserName=name)
policy = iam.create_policy(PolicyName=name, PolicyDocument=document)["Policy"]["Arn"]
iam.attach_user_policy(UserName=name, PolicyArn=policy)
key = iam.create_access_key(UserName=name)["AccessKey"]
user, kms_user = (client(name, key["AccessKeyId"], key["SecretAccessKey"]) for name in ("kinesis", "kms"))


def result(call):
    try:
        call()
        return "ok"
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]


def tried(stream):
    shard = root.list_shards(StreamName=stream)["Shards"][0]["ShardId"]
    place = root.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    place = place["ShardIterator"]
    arn = root.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    record = {"Data": b"x", "PartitionKey": "k"}
    return {
        "PutRecord": result(lambda: user.put_record(StreamName=stream, **record)),
        "PutRecords": result(lambda: user.put_records(StreamName=stream, Records=[record])),
        "DescribeStreamSummary": result(lambda: user.describe_stream_summary(StreamName=stream)),
        "DescribeStream": result(lambda: user.describe_stream(StreamName=stream)),
        "ListShards": result(lambda: user.list_shards(StreamName=stream)),
        "GetShardIterator": result(
            lambda: user.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType="LATEST")
        ),
        "GetRecords": result(lambda: user.get_records(ShardIterator=place, StreamARN=arn)),
        "DeleteStream": result(lambda: user.delete_stream(StreamName=f"{stream}-that-is-not-there")),
        "AddTagsToStream": result(lambda: user.add_tags_to_stream(StreamName=stream, Tags={"a": "b"})),
    }


def tried_with(kms_key):
    secret = kms.encrypt(KeyId=kms_key, Plaintext=b"x")["CiphertextBlob"]
    return {
        "GenerateDataKey": result(lambda: kms_user.generate_data_key(KeyId=kms_key, NumberOfBytes=32)),
        "Decrypt": result(lambda: kms_user.decrypt(KeyId=kms_key, CiphertextBlob=secret)),
        "DescribeKey": result(lambda: kms_user.describe_key(KeyId=kms_key)),
        "ScheduleKeyDeletion": result(lambda: kms_user.schedule_key_deletion(KeyId=kms_key)),
    }


elsewhere = {
    "ListStreams": result(lambda: user.list_streams()),
    "CreateStream": result(lambda: user.create_stream(StreamName="new", ShardCount=1)),
    "iam:CreateUser": result(
        lambda: client("iam", key["AccessKeyId"], key["SecretAccessKey"]).create_user(UserName="x")
    ),
}
answer = {"clicks": tried("clicks"), "other": tried("other"), "account": elsewhere}
answer["kms"] = [tried_with(kms_key) for kms_key in kms_keys]
answer["key"] = [key["AccessKeyId"], key["SecretAccessKey"]]
print(json.dumps(answer))
