#!/usr/bin/env bash
# `context.library` does not tell which SDK sent an event.
#
# Each SDK writes its name and version there, and one would group events by it. But forks kept the names and versions
# that they were copied with, so that three vendors' SDKs for Python share one name.
#
# Seen (package and version -> what it says of itself):
#   @rudderstack/rudder-sdk-node 3.0.13   -> analytics-node 3.0.13 (the name of Segment's old package)
#   @customerio/cdp-analytics-node 0.5.9  -> @customerio/cdp-analytics-node 1.0.0-beta.22
#   rudder-sdk-python 2.1.9               -> analytics-python 2.1.9
#   customerio-cdp-analytics 1.1.0        -> analytics-python 1.1.0
#   segment-analytics-python 2.4.0        -> analytics-python 2.4.0
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts --save-exact \
    @rudderstack/rudder-sdk-node@3.0.13 @customerio/cdp-analytics-node@0.5.9
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check \
    rudder-sdk-python==2.1.9 customerio-cdp-analytics==1.1.0 segment-analytics-python==2.4.0

cat >send.js <<'EOF'
const [host] = process.argv.slice(2)
const RudderAnalytics = require('@rudderstack/rudder-sdk-node')
new RudderAnalytics('key', { dataPlaneUrl: host, gzip: false }).track({ userId: '@rudderstack/rudder-sdk-node', event: 'E' })
const { Analytics } = require('@customerio/cdp-analytics-node')
const customerio = new Analytics({ writeKey: 'key', host })
customerio.track({ userId: '@customerio/cdp-analytics-node', event: 'E' })
customerio.closeAndFlush()
EOF
cat >run.py <<'EOF'
import http.server
import json
import subprocess
import threading

from customerio.analytics.client import Client as CustomerIo
from rudderstack.analytics.client import Client as Rudder
from segment.analytics.client import Client as Segment


class Server(http.server.BaseHTTPRequestHandler):
    said = {}

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        for event in json.loads(body)["batch"]:
            library = event["context"]["library"]
            self.said[event["userId"]] = f"{library['name']} {library['version']}"
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
host = f"http://127.0.0.1:{server.server_port}"
subprocess.run(["node", "send.js", host], check=True)
for name, make in [
    ("rudder-sdk-python", lambda: Rudder("key", host=host, gzip=False)),
    ("customerio-cdp-analytics", lambda: CustomerIo("key", host=host)),
    ("segment-analytics-python", lambda: Segment("key", host=host)),
]:
    client = make()
    client.track(name, "E")
    client.flush()
for name, said in Server.said.items():
    print(name, "->", said)
EOF
venv/bin/python run.py | sort | tee seen
diff seen - <<'EOF' || { echo "changed"; exit 1; }
@customerio/cdp-analytics-node -> @customerio/cdp-analytics-node 1.0.0-beta.22
@rudderstack/rudder-sdk-node -> analytics-node 3.0.13
customerio-cdp-analytics -> analytics-python 1.1.0
rudder-sdk-python -> analytics-python 2.1.9
segment-analytics-python -> analytics-python 2.4.0
EOF
