// Parses Java and Flink SQL. Standard input: a JSON array of [language, text]. Prints a JSON array: of each text, what is wrong
// with it, or null.
import { readFileSync } from 'node:fs'
import { createRequire, register } from 'node:module'
import { pathToFileURL } from 'node:url'

// dt-sql-parser is made for bundlers: its imports leave out `.js` and `/index.js`.
const completed = `export const resolve = async (name, context, next) => {
  for (const end of ['', '.js', '/index.js']) {
    try {
      return await next(name + end, context)
    } catch (error) {
      if (end === '/index.js' || !name.startsWith('.')) throw error
    }
  }
}`
register(`data:text/javascript,${encodeURIComponent(completed)}`)

// As an import does not look into NODE_PATH.
const load = (name) => import(pathToFileURL(createRequire(import.meta.url).resolve(name)))
const { parse } = await load('java-parser')
const { FlinkSQL } = await load('dt-sql-parser')

const java = (text) => {
  try {
    parse(text)
    return null
  } catch (error) {
    return error.message
  }
}

const flink = (text) => {
  const errors = new FlinkSQL().validate(text)
  return errors.length ? errors.map(({ startLine, message }) => `line ${startLine}: ${message}`).join('\n') : null
}

const parsers = { java, flink }
const texts = JSON.parse(readFileSync(0, 'utf8'))
console.log(JSON.stringify(texts.map(([language, text]) => parsers[language](text))))
