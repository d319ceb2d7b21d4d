// A server that sends events: who a user is, and what they did.
import { Analytics } from '@segment/analytics-node'

const { WRITE_KEY, HOST = 'http://127.0.0.1:8485' } = process.env
if (!WRITE_KEY) throw new Error('set WRITE_KEY to a write key of Tributary')

const analytics = new Analytics({
  writeKey: WRITE_KEY,
  host: HOST,
  // The SDK gives up after so many tries. Tributary answers 429 or 503 while it cannot accept events.
  maxRetries: 10,
})

// Without this, an event that the SDK gives up on is lost in silence.
analytics.on('error', (error) => {
  console.error('not sent:', error.code, error.reason)
  process.exitCode = 1
})

analytics.identify({ userId: 'user-1', traits: { plan: 'pro' } })
analytics.track({ userId: 'user-1', event: 'Order Completed', properties: { orderId: '50314b8e', total: 29.9 } })

// Events wait in memory for a batch: send them before the process ends.
await analytics.closeAndFlush({ timeout: 30_000 })
