"""Calls the handler of a Lambda function as AWS Lambda does: `lambda.py MODULE`.

Standard input: one event a line. Prints each answer as a line of its own, after what the handler printed.
"""

import importlib.util
import json
import sys

spec = importlib.util.spec_from_file_location("function", sys.argv[1])
function = importlib.util.module_from_spec(spec)
spec.loader.exec_module(function)

for line in sys.stdin:
    print(json.dumps({"answer": function.handler(json.loads(line), None)}), flush=True)
