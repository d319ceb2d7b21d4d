"""What the AWS CLI makes of its words, by botocore: aws.py SERVICE OPERATION --NAME VALUE … [--query NAME --output text].

Every word is checked against AWS's model of the service: operation, names, required parameters, types, lengths and patterns.
With AWS_CHECK_ONLY set, that is all; otherwise the call is made, at AWS_ENDPOINT_URL. The CLI itself is not here because it
needs another botocore than the one that the other tests use.
"""

import json
import os
import re
import sys

import botocore.session
from botocore import xform_name
from botocore.validate import ParamValidator

service, operation, *words = sys.argv[1:]
session = botocore.session.get_session()
model = session.get_service_model(service)
names = {xform_name(name, "-"): name for name in model.operation_names}
operation_model = model.operation_model(names[operation])
members = operation_model.input_shape.members
flags = {xform_name(name, "-"): name for name in members}
options, params = {"region": None, "query": None, "output": None}, {}


def value(shape, text):
    """The CLI's shorthand: a list of one value, and NAME=VALUE for a structure."""
    if shape.type_name == "list":
        return [value(shape.member, text)]
    if shape.type_name == "structure":
        name, _, text = text.partition("=")
        return {name: value(shape.members[name], text)}
    pattern = shape.metadata.get("pattern")
    if pattern and not re.fullmatch(pattern, text, re.DOTALL):
        sys.exit(f"{service} {operation}: {text!r} does not match {pattern}")
    return text


while words:
    flag = words.pop(0).removeprefix("--")
    if flag in options:
        options[flag] = words.pop(0)
    elif members[flags[flag]].type_name == "boolean":
        params[flags[flag]] = True
    else:
        params[flags[flag]] = value(members[flags[flag]], words.pop(0))
errors = ParamValidator().validate(params, operation_model.input_shape)
if errors.has_errors():
    sys.exit(f"{service} {operation}: {errors.generate_report()}")
if "AWS_CHECK_ONLY" in os.environ:
    print("checked:", service, operation, file=sys.stderr)
    # A document, for the commands that go on with the answer.
    print("{}")
    sys.exit()
client = session.create_client(service, region_name=options["region"] or "us-east-1")
answer = getattr(client, xform_name(names[operation]))(**params)
answer.pop("ResponseMetadata")
print(answer[options["query"]] if options["output"] == "text" else json.dumps(answer, default=str))
