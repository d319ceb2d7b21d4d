#!/usr/bin/env bash
# @segment/analytics-next 1.84.3 reports its usage to api.segment.io, wherever it is told to send events.
#
# `cdnURL` and `apiHost` point to another server, which serves a settings document with the destination "Segment.io"
# and takes the events. One would expect the page to speak to nobody else. But a settings document without a member
# `metrics` means a sample rate of 1: 30 s after the load, the counts of what the page called go to
# https://api.segment.io/v1/m. `metrics: { sampleRate: 0 }` in the document ends it; `metrics: { host }` moves it.
# Nothing leaves this machine here: requests to others than 127.0.0.1 are noted and not made.
#
# Seen (requests to others): without metrics https://api.segment.io/v1/m; with a sample rate of 0 none.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts --save-exact jsdom@26.1.0 @segment/analytics-next@1.84.3

cat >run.js <<'EOF'
const { JSDOM, VirtualConsole } = require('jsdom')
const code = require('fs').readFileSync('node_modules/@segment/analytics-next/dist/umd/index.js', 'utf8')
const run = async (metrics) => {
  const [events, others] = [[], []]
  const server = require('http').createServer((request, response) => {
    if (request.method === 'POST') events.push(request.url)
    const host = `127.0.0.1:${server.address().port}/v1`
    const integrations = { 'Segment.io': { apiKey: 'key', apiHost: host, protocol: 'http' } }
    request.resume().on('end', () => response.end(JSON.stringify({ integrations, metrics })))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { window } = new JSDOM('<script></script>', {
    url: 'http://localhost/', runScripts: 'outside-only', virtualConsole: new VirtualConsole(),
  })
  window.fetch = async (url, { keepalive, ...options } = {}) => {
    if (new URL(url).hostname === '127.0.0.1') return fetch(url, options)
    others.push(url)
    return new Response('{}')
  }
  window.eval(code)
  const cdnURL = `http://127.0.0.1:${server.address().port}`
  const analytics = window.AnalyticsNext.AnalyticsBrowser.load({ writeKey: 'key', cdnURL })
  await analytics.track('Event')
  await new Promise((resolve) => setTimeout(resolve, 35000))
  server.close()
  window.close()
  return { events, others: [...new Set(others)] }
}
Promise.all([run(), run({ sampleRate: 0 })]).then((seen) => {
  console.log(JSON.stringify(seen))
  process.exit(0)
})
EOF
seen="$(node run.js)"
echo "$seen"
want='[{"events":["/v1/t"],"others":["https://api.segment.io/v1/m"]},{"events":["/v1/t"],"others":[]}]'
[[ "$seen" == "$want" ]] || { echo "changed: expected $want"; exit 1; }
