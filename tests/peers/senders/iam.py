"""What an administrator does in AWS's console, by botocore: `iam.py URL WHAT …`; answers with one line of JSON."""

import json
import sys

import botocore.session

URL, WHAT, *WORDS = sys.argv[1:]


def client(name):
    session = botocore.session.Session()
    return session.create_client(
        name, region_name="us-east-1", endpoint_url=URL, aws_access_key_id="test", aws_secret_access_key="test"
    )


def policy(*actions):
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


iam = client("iam")
if WHAT == "user":
    (name,) = WORDS
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    print(json.dumps({"id": key["AccessKeyId"], "secret": key["SecretAccessKey"]}))
elif WHAT == "allow":
    name, *actions = WORDS
    iam.put_user_policy(UserName=name, PolicyName="writer", PolicyDocument=policy(*actions))
    print("{}")
elif WHAT == "role":
    name, *actions = WORDS
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
    iam.put_role_policy(RoleName=name, PolicyName="writer", PolicyDocument=policy(*actions))
    print(json.dumps({"arn": role["Arn"]}))
else:
    sys.exit(f"no such command: {WHAT}")
