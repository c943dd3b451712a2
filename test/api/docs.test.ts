import pino from 'pino'
import t from 'tap'
import { createApp, PROTECTED, PUBLIC } from '../../src/api/app.ts'
import { testDatabase } from '../helper.ts'

const database = await testDatabase(t)
const pool = database.pool('ledger_api')
// The documentation asks none of these.
const app = createApp({
  pool,
  adminPool: pool,
  listenPool: pool,
  log: Object.create(null),
  ledger: Object.create(null),
  vault: Object.create(null),
  webhooks: Object.create(null),
  logger: pino({ level: 'silent' }),
  keyEnvironment: 'test'
})
t.teardown(async () => { await app.close() })
const text = async (url: string): Promise<string> => (await app.inject(url)).body

/** How OpenAPI writes a route. */
const NAMES = [...PUBLIC, ...PROTECTED].filter(([, url]) => url !== '/openapi.json')
  .map(([method, url]) => `${method} ${url.replaceAll(/:(\w+)/g, '{$1}').replace('*', '{*}')}`)

t.test('the index names every operation, under a page that tells of it', async (t) => {
  const answer = await app.inject('/llms.txt')
  t.match(answer.headers['content-type'], /^text\/plain/)
  t.match(answer.body, /^# audit-ledger\n\n> [^\n]+\n\n/)
  const links = [...answer.body.matchAll(/^- \[([A-Z]+ [^\]]+)\]\(([^)#]+)#([^)]+)\): .+$/gm)]
  t.strictSame([...new Set(links.map(([, name]) => name))].sort(), NAMES.sort())
  for (const page of new Set(links.map(([, , page = '']) => page))) {
    const { statusCode, headers, body } = await app.inject(page)
    t.equal(statusCode, 200, page)
    t.match(headers['content-type'], /^text\/markdown/)
    const own = links.filter(([, , other]) => other === page)
    for (const [, name = '', , anchor] of own) {
      t.ok(body.includes(`<a id="${anchor}"></a>\n### ${name}\n`), name)
    }
    t.equal(body.match(/^<a id=/gm)?.length, own.length, 'and of no other')
  }
})

t.test('the reference tells of every operation, parameter and schema', async (t) => {
  const { paths, components } = (await app.inject('/openapi.json')).json()
  const body = await text('/docs.md')
  for (const name of NAMES) t.equal(body.split(`### ${name}\n`).length, 2, name)
  for (const name of Object.keys(components.schemas)) {
    if (name !== 'Problem') t.ok(body.includes(`### ${name}\n`), name)
  }
  for (const { name } of paths['/v1/events'].get.parameters) t.ok(body.includes(`- \`${name}\``))
  t.match(body, /- `outcome` \(query\): `success` \| `failure` \| `denied`/)
  t.notMatch(body, /undefined|\[object/)
  for (const [, name = ''] of body.matchAll(/\]\(#(\w+)\)/g)) {
    t.match(body.toLowerCase(), new RegExp(`^### ${name}$`, 'm'), 'a link leads somewhere')
  }
})

t.test('a page that there is not is 404', async (t) => {
  t.equal((await app.inject('/docs/nothing.md')).statusCode, 404)
  t.equal((await app.inject('/docs/..%2fopenapi.md')).statusCode, 404)
  t.equal((await app.inject('/docs')).statusCode, 200, 'the page for people is where it was')
})
