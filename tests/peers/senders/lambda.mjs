// Calls the handler of a Lambda function as AWS Lambda does; arguments, input and output as in lambda.py.
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const { handler } = await import(pathToFileURL(process.argv[2]))

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify({ answer: await handler(JSON.parse(line)) }))
}
