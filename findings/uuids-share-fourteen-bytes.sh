#!/usr/bin/env bash
# @segment/analytics-node 3.1.0 gives neighbouring events messageIds that share 14 of their 16 bytes.
#
# A messageId ends with a UUID of version 4, whose 122 random bits one expects to be fresh each time. The UUIDs are
# those of @lukeed/uuid 2.0.1, which draws 256 bytes from Math.random and then moves by one byte, not by 16, from one
# UUID to the next: 241 UUIDs are windows on the same 256 bytes. (The SDK draws two for an event.) They still differ,
# but a consumer that shards, samples or compares by a part of the id finds neighbours where it expects chance. (The
# comment in the SDK's source speaks of @lukeed/uuid/secure, which moves by 16; the SDK does not use it.)
#
# Seen: of 200 pairs of neighbours nearly all are the same bytes, moved by two (but for the bits of version and
# variant), such as
# 02e60c4f-a891-4bcd-8004-696a9f3deb39 and 0c4fa891-5bcd-4004-a96a-9f3deb391113.
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts --save-exact @segment/analytics-node@3.1.0 @lukeed/uuid@2.0.1

cat >run.js <<'EOF'
const { Analytics } = require('@segment/analytics-node')
const events = []
const httpClient = async (url, { body }) => {
  events.push(...JSON.parse(body).batch.map(({ messageId }) => messageId.slice(-36)))
  return new Response('{}')
}
const analytics = new Analytics({ writeKey: 'key', httpClient })
const bytes = (uuid) => [...Buffer.from(uuid.replaceAll('-', ''), 'hex')]
const isMoved = (uuid, next) => bytes(next).slice(0, 14).every((byte, i) =>
  [6, 8].includes(i) || [6, 8].includes(i + 2) || byte === bytes(uuid)[i + 2])
const moved = (uuids) => uuids.slice(1).filter((next, i) => isMoved(uuids[i], next)).length
for (let n = 0; n < 201; n += 1) analytics.track({ userId: 'u', event: 'E' })
analytics.closeAndFlush().then(() => {
  const secure = Array.from({ length: 201 }, require('@lukeed/uuid/secure').v4)
  const native = Array.from({ length: 201 }, () => require('crypto').randomUUID())
  console.log(events.slice(0, 3).join('\n'))
  console.log(JSON.stringify({ events: events.length, moved: moved(events), secure: moved(secure), native: moved(native) }))
  process.exit(events.length === 201 && moved(events) > 180 && moved(secure) + moved(native) === 0 ? 0 : 1)
})
EOF
node run.js || { echo "changed: more than 180 of 200 neighbours were expected to be moved by two bytes"; exit 1; }
