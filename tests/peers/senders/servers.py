"""SDKs for Python, unmodified; calls and output as in analytics-node.js.

Arguments: the SDK's name below, host, write key, pause between calls in ms.
"""
import json
import re
import sys
import time

name, host, write_key, pause = sys.argv[1:]
failures = []
if name == "segment-analytics-python, one batch":
    from segment.analytics.client import Client

    analytics = Client(write_key, host=host, upload_size=10000)
    # On a busy machine half a second, the default, is too short to call all of them.
    for consumer in analytics.consumers:
        consumer.upload_interval = 5
elif name == "rudder-sdk-python":
    import rudderstack.analytics as analytics

    analytics.dataPlaneUrl = host
elif name == "customerio-cdp-analytics":
    import customerio.analytics as analytics

    analytics.host = host
elif name == "events-sdk-python":
    import hightouch.htevents as analytics

    analytics.host = host
else:
    sys.exit(f"no such SDK: {name}")
analytics.write_key = write_key
analytics.on_error = lambda error, items: failures.append((error, len(items)))


def snake(name):
    return re.sub("([A-Z])", lambda found: "_" + found.group(1).lower(), name)


for line in sys.stdin:
    call = json.loads(line)
    message = {snake(name): value for name, value in call["message"].items()}
    # RudderStack's answers nothing, the others say whether their queue has room.
    told = getattr(analytics, call["type"])(**message)
    print(json.dumps({"error": None if told is None or told[0] else "the SDK's queue is full"}))
    time.sleep(float(pause) / 1000)
analytics.shutdown()
if failures:
    sys.exit(f"on_error was told: {failures}")
