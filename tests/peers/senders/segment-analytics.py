"""segment-analytics-python, unmodified; arguments and output as in analytics-node.js."""
import json
import re
import sys
import time

import segment.analytics as analytics

host, write_key, pause = sys.argv[1:]
failures = []
analytics.host = host
analytics.write_key = write_key
analytics.on_error = lambda error, items: failures.append((error, len(items)))


def snake(name):
    return re.sub("([A-Z])", lambda found: "_" + found.group(1).lower(), name)


for line in sys.stdin:
    call = json.loads(line)
    message = {snake(name): value for name, value in call["message"].items()}
    accepted, _sent = getattr(analytics, call["type"])(**message)
    print(json.dumps({"error": None if accepted else "the SDK's queue is full"}))
    time.sleep(float(pause) / 1000)
analytics.shutdown()
if failures:
    sys.exit(f"on_error was told: {failures}")
