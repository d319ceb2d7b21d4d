#!/usr/bin/env bash
# The browser SDKs of Hightouch (@ht-sdks/events-sdk-js-browser 1.5.1), Customer.io
# (@customerio/cdp-analytics-browser 0.5.11) and June (@june-so/analytics-next 2.0.0) take any answer for a delivery.
#
# They come from Segment's analytics-next, which repeats after a 429 or 5xx, and they too have a queue for retries,
# kept through page loads. But only a request that got no answer at all enters it: `fetch` resolves for every status,
# and the status is not looked at. An event that is answered with 503 is lost, and its promise resolves as if all was
# well. So a server behind a balancer that answers 503 loses what one that cannot be reached at all would not.
# analytics-next 1.84.3 is run beside them.
#
# Seen (tries of an event whose first answer is a 503, or whose first connection is closed without an answer):
#   hightouch   503: 1, lost     closed: 2, delivered
#   customerio  503: 1, lost     closed: 2, delivered
#   june        503: 1, lost     closed: 2, delivered
#   segment     503: 2, delivered closed: 2, delivered
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts --save-exact jsdom@26.1.0 \
    @ht-sdks/events-sdk-js-browser@1.5.1 @customerio/cdp-analytics-browser@0.5.11 @june-so/analytics-next@2.0.0 \
    @segment/analytics-next@1.84.3

cat >run.js <<'EOF'
const { JSDOM, VirtualConsole } = require('jsdom')
const fs = require('fs')
const key = 'key'
const settings = (name) => ({ writeKey: key, cdnSettings: { integrations: { [name]: { apiKey: key } }, metrics: { sampleRate: 0 } } })
const sdks = {
  hightouch: ['@ht-sdks/events-sdk-js-browser', (window, host) =>
    window.HtEvents.HtEventsBrowser.load({ writeKey: key }, { apiHost: host, protocol: 'http' })],
  customerio: ['@customerio/cdp-analytics-browser', (window, host) =>
    window.AnalyticsNext.AnalyticsBrowser.load(settings('Customer.io Data Pipelines'),
      { integrations: { 'Customer.io Data Pipelines': { apiHost: host, protocol: 'http' } } })],
  june: ['@june-so/analytics-next', (window, host) =>
    window.AnalyticsNext.AnalyticsBrowser.load(settings('june.so'),
      { integrations: { 'june.so': { apiHost: host, protocol: 'http' } } })],
  segment: ['@segment/analytics-next', (window, host) =>
    window.AnalyticsNext.AnalyticsBrowser.load(settings('Segment.io'),
      { integrations: { 'Segment.io': { apiHost: host, protocol: 'http' } } })],
}
const run = async (name, first) => {
  let [tries, delivered] = [0, false]
  const server = require('http').createServer((request, response) => {
    tries += 1
    if (tries === 1 && first === 'closed') return request.socket.destroy()
    delivered ||= tries > 1 || first !== 503
    request.resume().on('end', () => response.writeHead(tries === 1 ? first : 200).end('{}'))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const [folder, load] = sdks[name]
  const { window } = new JSDOM('<script></script>', {
    url: 'http://localhost/', runScripts: 'outside-only', virtualConsole: new VirtualConsole(),
  })
  window.fetch = (url, { keepalive, ...options }) => fetch(url, options)
  window.eval(fs.readFileSync(`node_modules/${folder}/dist/umd/index.js`, 'utf8'))
  const analytics = load(window, `127.0.0.1:${server.address().port}`)
  await analytics.track('Event')
  // A retry comes within five seconds.
  await new Promise((resolve) => setTimeout(resolve, 8000))
  server.close()
  window.close()
  return `${first}: ${tries}, ${delivered ? 'delivered' : 'lost'}`
}
const main = async () => {
  const lines = Object.keys(sdks).map(async (name) => `${name} ${(await Promise.all([run(name, 503), run(name, 'closed')])).join(' ')}`)
  console.log((await Promise.all(lines)).join('\n'))
  process.exit(0)
}
main()
EOF
node run.js | tee seen
diff seen - <<'EOF' || { echo "changed"; exit 1; }
hightouch 503: 1, lost closed: 2, delivered
customerio 503: 1, lost closed: 2, delivered
june 503: 1, lost closed: 2, delivered
segment 503: 2, delivered closed: 2, delivered
EOF
