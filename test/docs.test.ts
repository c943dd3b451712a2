import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { Environment } from '../schemas/config.ts'
import { CATEGORIES } from '../schemas/events/index.ts'
import { ROLES } from '../schemas/http/api-keys.ts'
import { PROTECTED, PUBLIC } from '../src/api/app.ts'
import { packageFile } from '../src/paths.ts'

const root = packageFile('.')
const readme = readFileSync(path.join(root, 'README.md'), 'utf8')
const main = readFileSync(path.join(root, 'src/cli/main.ts'), 'utf8')

/** The first cells of a table's rows, without backticks. */
function firstCells (pattern: RegExp): string[] {
  return [...readme.matchAll(/^\| `([^`]+)` \|/gm)]
    .map(([, cell]) => cell ?? '').filter((cell) => pattern.test(cell)).sort()
}

t.test('the API table names every route and no other', async (t) => {
  const routes = [...PUBLIC, ...PROTECTED].map(([method, url]) => `${method} ${url}`)
  t.strictSame(firstCells(/^[A-Z]+ \//), routes.sort())
})

t.test('the API table names a role that may call each route', async (t) => {
  for (const [method, url, , roles] of PROTECTED) {
    const row = readme.split('\n').find((line) => line.includes(`| \`${method} ${url}\` |`)) ?? ''
    const role = row.split('|').at(-2)?.trim() ?? ''
    t.ok(roles.some((allowed) => allowed === role), `${method} ${url}: ${role}`)
  }
})

t.test('the variables are all of them and no other', async (t) => {
  const variables = Object.keys(Environment.properties)
  t.strictSame(firstCells(/^[A-Z_]+$/), variables.sort())
})

t.test('the commands are all of them and no other', async (t) => {
  const list = [...main.matchAll(/^ {2}'?([a-z-]+)'?: async \(\) =>/gm)].map(([, name]) => name)
  t.ok(list.length > 5)
  t.strictSame(firstCells(/^[a-z-]+$/), list.sort())
})

t.test('categories and roles are named', async (t) => {
  for (const category of CATEGORIES) t.match(readme, `\`${category}\``)
  for (const role of Object.keys(ROLES)) t.match(readme, `**${role}**`)
})

t.test('every script that the text tells of exists', async (t) => {
  const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
  const told = [...readme.matchAll(/npm (?:run )?([a-z:]+)/g)].map(([, name]) => name ?? '')
  const known = [...Object.keys(scripts), 'ci', 'binaries']
  t.strictSame(told.filter((name) => !known.includes(name)), [])
})

t.test('every file and folder that the text links to exists', async (t) => {
  for (const [, target] of readme.matchAll(/\]\((?!http)([^)]+)\)/g)) {
    t.doesNotThrow(() => readFileSync(path.join(root, target ?? '')), target ?? '')
  }
})
