#!/usr/bin/env bash
# @segment/analytics-react-native 2.24.1 sends to its vendor if it does not like the address that it was given.
#
# A `proxy` says where events go, so one would expect an error, or no event at all, if it cannot be used. But an http
# address (without `allowInsecureProxy`), an IPv6 address or a host name without a dot makes the SDK write to the
# console and post the events, with the write key, to https://api.segment.io/v1/b instead. `localhost` and IPv4
# addresses are fine. Nothing leaves this machine here: `fetch` is replaced by a function that notes the address and
# answers.
#
# Seen (the address given, and where the events went):
#   http://127.0.0.1:9000/v1                        -> https://api.segment.io/v1/b
#   http://127.0.0.1:9000/v1, allowInsecureProxy    -> http://127.0.0.1:9000/v1/b
#   http://collector:9000/v1, allowInsecureProxy    -> https://api.segment.io/v1/b
#   http://[::1]:9000/v1, allowInsecureProxy        -> https://api.segment.io/v1/b
#   https://collector/v1                            -> https://api.segment.io/v1/b
#   https://collector.example.com/v1                -> https://collector.example.com/v1/b
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
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
const print = console.log
console.log = () => {}
const { createClient } = require('@segment/analytics-react-native')

const run = async (proxy, allowInsecureProxy) => {
  let posted
  globalThis.fetch = async (url, options) => {
    if (options?.method === 'POST') posted ??= url
    return new Response('{"integrations":{"Segment.io":{}}}')
  }
  const writeKey = `key${Math.random()}`
  const client = createClient({ writeKey, proxy, useSegmentEndpoints: true, allowInsecureProxy, debug: false })
  await client.track('event')
  for (let i = 0; i < 50 && !posted; i += 1) {
    await client.flush()
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  print(proxy, allowInsecureProxy ? 'allowed' : '-', posted)
}
const main = async () => {
  await run('http://127.0.0.1:9000/v1')
  await run('http://127.0.0.1:9000/v1', true)
  await run('http://collector:9000/v1', true)
  await run('http://[::1]:9000/v1', true)
  await run('https://collector/v1')
  await run('https://collector.example.com/v1')
  process.exit(0)
}
main()
EOF
node app.js | tee seen
diff seen - <<'EOF' || { echo "changed: the addresses above were expected"; exit 1; }
http://127.0.0.1:9000/v1 - https://api.segment.io/v1/b
http://127.0.0.1:9000/v1 allowed http://127.0.0.1:9000/v1/b
http://collector:9000/v1 allowed https://api.segment.io/v1/b
http://[::1]:9000/v1 allowed https://api.segment.io/v1/b
https://collector/v1 - https://api.segment.io/v1/b
https://collector.example.com/v1 - https://collector.example.com/v1/b
EOF
