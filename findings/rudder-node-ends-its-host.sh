#!/usr/bin/env bash
# @rudderstack/rudder-sdk-node 3.0.13 ends the program around it when the server is away.
#
# A call takes a callback that is told of its error, so one would take a batch that failed as the callback's
# business. But the error is also thrown inside a flush whose promise nobody holds, and Node ends with exit code 1
# before the callback is told. Only the option `errorHandler` prevents it, whatever the callback does. And `timeout`
# is not for one try: it covers a batch with all its retries. With 10 s, and a server that answers 503 with a
# Retry-After of 6 s, the second try is the last.
#
# Seen: without errorHandler exit code 1, callback not told, 2 tries; with it exit code 0, callback told, 2 tries.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts --save-exact @rudderstack/rudder-sdk-node@3.0.13

cat >server.js <<'EOF'
let tries = 0
const server = require('http').createServer((request, response) => {
  tries += 1
  request.resume().on('end', () => response.writeHead(503, { 'Retry-After': '6' }).end())
})
process.on('message', () => process.send({ tries }, () => process.exit(0)))
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
EOF
cat >host.js <<'EOF'
const RudderAnalytics = require('@rudderstack/rudder-sdk-node')
const [port, handled] = process.argv.slice(2)
const options = { dataPlaneUrl: `http://127.0.0.1:${port}`, timeout: 10000, logLevel: 'off' }
if (handled) options.errorHandler = () => {}
const analytics = new RudderAnalytics('key', options)
analytics.track({ userId: 'u', event: 'E' }, (error) => console.log('told:', error?.message))
setTimeout(() => console.log('went on'), 15000)
EOF
cat >run.js <<'EOF'
const { fork, spawnSync } = require('child_process')
const { promisify } = require('util')
const execFile = promisify(require('child_process').execFile)
const once = (child) => new Promise((resolve) => child.once('message', resolve))
const run = async (...handled) => {
  const server = fork('server.js')
  const { port } = await once(server)
  const { code = 0, stdout } = await execFile(process.execPath, ['host.js', port, ...handled]).catch((error) => error)
  server.send('tries?')
  const { tries } = await once(server)
  return { code, told: stdout.includes('told:'), wentOn: stdout.includes('went on'), tries }
}
Promise.all([run(), run('handled')]).then((results) => console.log(JSON.stringify(results)))
EOF
seen="$(node run.js)"
echo "$seen"
want='[{"code":1,"told":false,"wentOn":false,"tries":2},{"code":0,"told":true,"wentOn":true,"tries":2}]'
[[ "$seen" == "$want" ]] || { echo "changed: expected $want"; exit 1; }
