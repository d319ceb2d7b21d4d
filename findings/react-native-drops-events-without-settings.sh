#!/usr/bin/env bash
# @segment/analytics-react-native 2.24.1 drops every event until it has read its settings document once.
#
# One would expect it to queue: it has a queue on the device, says "TRACK event saved" for each event, and keeps the
# queue through a server that is away. But the queue is part of the destination "Segment.io", which is enabled only
# when the settings name it. If the settings cannot be read at the first start (here: one 503), events pass by the
# queue, and nothing is sent later, flushed or not. The `proxy` option does not change it; the option
# `defaultSettings` does.
#
# Seen: 3 events made, `flush` called after the server was well again: 0 posted; with defaultSettings: 3 posted.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
# React Native itself is replaced by a stand-in: the core needs little of it.
npm install --silent --no-audit --no-fund --ignore-scripts --save-exact --legacy-peer-deps \
    @segment/analytics-react-native@2.24.1 @segment/sovran-react-native@1.1.5

cat >app.js <<'EOF'
const Module = require('module')
const platform = {
  react: { createContext: () => ({}) },
  'react-native': {
    AppState: { addEventListener: () => ({ remove() {} }) },
    NativeEventEmitter: class { addListener() {} },
    NativeModules: { AnalyticsReactNative: { getContextInfo: async () => ({}) }, Sovran: {} },
    Platform: { OS: 'ios', select: (choices) => choices.ios },
  },
}
const load = Module._load
Module._load = (name, ...rest) => platform[name] ?? load(name, ...rest)
console.info = console.warn = console.error = () => {}
const { createClient } = require('@segment/analytics-react-native')

const run = async (more) => {
  let [settings, posted] = [0, 0]
  const server = require('http').createServer((request, response) => {
    let body = ''
    request.on('data', (part) => (body += part)).on('end', () => {
      if (request.method === 'POST') posted += JSON.parse(body).batch.length
      const isAway = request.method === 'GET' && (settings += 1) === 1
      response.writeHead(isAway ? 503 : 200).end('{"integrations":{"Segment.io":{}}}')
    })
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const proxy = `http://127.0.0.1:${server.address().port}/v1`
  const client = createClient({
    writeKey: `key${Math.random()}`, proxy, cdnProxy: proxy, useSegmentEndpoints: true, allowInsecureProxy: true,
    debug: false, ...more,
  })
  for (const event of ['a', 'b', 'c']) await client.track(event)
  for (let i = 0; i < 20; i += 1) {
    await client.flush()
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  server.close()
  return posted
}
const main = async () => {
  const without = await run({})
  const withSettings = await run({ defaultSettings: { integrations: { 'Segment.io': {} } } })
  console.log(JSON.stringify({ without, withSettings }))
  process.exit(0)
}
main()
EOF
seen="$(node app.js)"
echo "$seen"
[[ "$seen" == '{"without":0,"withSettings":3}' ]] || { echo "changed: expected 0 and 3"; exit 1; }
