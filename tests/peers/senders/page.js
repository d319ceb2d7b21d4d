// Opens the HTML of stdin in headless Chromium as a page of this machine, until so many requests with events were
// answered well. Argument: how many. The public copy of @segment/analytics-next is answered by what npm installed.
const { bundle, open, until } = require('./browser.js')
const { version } = require('@segment/analytics-next/package.json')
const wanted = Number(process.argv[2])

const copy = `https://cdn.jsdelivr.net/npm/@segment/analytics-next@${version}/dist/umd/`

const main = async () => {
  let taken = 0
  const { strangers, close } = await open(require('fs').readFileSync(0), () => (taken += 1), (tab) =>
    tab.route(`${copy}*`, (route) => {
      const body = bundle(new URL(route.request().url()).pathname)
      return body ? route.fulfill({ contentType: 'text/javascript', body }) : route.abort()
    }))
  await until(() => taken >= wanted, 20000)
  await close()
  const others = strangers.filter((url) => !url.startsWith(copy))
  if (others.length) throw new Error(`the page asked others: ${others}`)
  if (taken !== wanted) throw new Error(`${taken} requests were answered well, not ${wanted}`)
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
