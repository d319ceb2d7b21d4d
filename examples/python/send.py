"""A server that sends events: who a user is, and what they did."""

import os
import sys

import segment.analytics as analytics

analytics.write_key = os.environ["WRITE_KEY"]
analytics.host = os.environ.get("HOST", "http://127.0.0.1:8485")

failures = []
# Without this, events that the SDK gives up on are lost in silence.
analytics.on_error = lambda error, items: failures.append((error, len(items)))

analytics.identify("user-1", {"plan": "pro"})
analytics.track("user-1", "Order Completed", {"orderId": "50314b8e", "total": 29.9})

# Events wait in memory for a batch: send them before the process ends.
analytics.shutdown()

if failures:
    sys.exit(f"not sent: {failures}")
