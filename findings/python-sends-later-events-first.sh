#!/usr/bin/env bash
# segment-analytics-python 2.4.0 sends later events first when a server asks it to wait.
#
# Its batches are sent one after the other, and a 503 without Retry-After is repeated in place. But a Retry-After,
# which a server sends to be helpful, makes it put the batch back into the queue, behind all that waits there: a
# user's first 100 events of 250 arrive last, in two parts. Whoever reads the events in their order of arrival sees
# the user's past after the present.
#
# Seen (first event of each batch that was taken):
#   503 without Retry-After: 0 100 200
#   503 with Retry-After: 1: 100 200 50   (the batch of 200 goes on with 0 to 49)
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check segment-analytics-python==2.4.0

cat >run.py <<'EOF'
import http.server
import json
import threading

from segment.analytics.client import Client


def run(retry_after):
    taken, answers = [], [503]

    class Server(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            batch = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["batch"]
            status = answers.pop() if answers else 200
            if status == 200:
                taken.append([event["properties"]["n"] for event in batch])
            self.send_response(status)
            if status == 503 and retry_after:
                self.send_header("Retry-After", retry_after)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = Client("key", host=f"http://127.0.0.1:{server.server_port}", upload_interval=3)
    for n in range(250):
        client.track("user", "Tick", {"n": n})
    client.shutdown()
    assert sorted(sum(taken, [])) == list(range(250)), "each arrives once"
    return " ".join(str(batch[0]) for batch in taken)


print("without:", run(None))
print("with:", run("1"))
EOF
venv/bin/python run.py | tee seen
diff seen <(printf 'without: 0 100 200\nwith: 100 200 50\n') || { echo "changed"; exit 1; }
