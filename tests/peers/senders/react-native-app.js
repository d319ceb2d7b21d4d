// Runs an app of React Native, a module, on Node with a stand-in for the platform, until so many events were taken.
// Arguments: the module's file, how many events.
require('./react-native-platform.js')
const [file, wanted] = process.argv.slice(2)

const main = async () => {
  let taken = 0
  const fetchAsEver = globalThis.fetch
  globalThis.fetch = async (url, options) => {
    if (new URL(url).hostname !== '127.0.0.1') throw new Error(`the app asked others: ${url}`)
    const answer = await fetchAsEver(url, options)
    if (answer.ok && options?.body) taken += JSON.parse(options.body).batch.length
    return answer
  }
  await import(file)
  for (const late = Date.now() + 50000; taken < Number(wanted) && Date.now() < late; ) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  if (taken !== Number(wanted)) throw new Error(`${taken} events were taken, not ${wanted}`)
}

main().then(() => process.exit(0), (error) => {
  console.error(error)
  process.exit(1)
})
