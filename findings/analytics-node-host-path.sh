#!/usr/bin/env bash
# @segment/analytics-node 3.1.0: a path in the option `host` is dropped without a word.
#
# Behind a reverse proxy with a path prefix, `new Analytics({ writeKey, host: 'http://127.0.0.1:PORT/events' })` is what
# a good engineer writes: the Python SDK (`analytics.host`) and the Go SDK (`Endpoint`) put /v1/batch behind that path.
# This SDK posts to /v1/batch: it joins the two by `new URL('/v1/batch', host)`, and a path that begins with a slash
# replaces the base's. The batch goes to another site of the same host. What helps is the option `path`.
#
# Seen:
#   host with a path: POST /v1/batch
#   with path: POST /events/v1/batch
#
# Exits non-zero if that changes.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts @segment/analytics-node@3.1.0 >/dev/null
cat >try.js <<'JS'
const http = require('http')
const { Analytics } = require('@segment/analytics-node')
let seen
const server = http.createServer((request, response) => {
  seen(`${request.method} ${request.url}`)
  request.resume().on('end', () => response.setHeader('content-type', 'application/json').end('{"success":true}'))
})
const asked = async (options) => {
  const came = new Promise((resolve) => (seen = resolve))
  const analytics = new Analytics({ writeKey: 'key', ...options })
  analytics.track({ userId: 'user-1', event: 'Order Completed' })
  await analytics.closeAndFlush()
  return came
}
server.listen(0, '127.0.0.1', async () => {
  const host = `http://127.0.0.1:${server.address().port}/events`
  console.log('host with a path:', await asked({ host }))
  console.log('with path:', await asked({ host, path: '/events/v1/batch' }))
  server.close()
  server.closeAllConnections()
})
JS
node try.js | tee seen
grep -qx 'host with a path: POST /v1/batch' seen
grep -qx 'with path: POST /events/v1/batch' seen
