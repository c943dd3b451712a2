import { hash } from 'node:crypto'
import { access, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { event, testService, until } from '../api/service.ts'
import { runCommand } from '../e2e/command.ts'
import { faultProxy } from '../fault-proxy.ts'
import { testFolder } from '../helper.ts'

const service = await testService(t)
const { app, append, call, keys } = service
const url = await app.listen({ host: '127.0.0.1', port: 0 })
const folder = await testFolder(t)
const proxy = await faultProxy(t, Number(new URL(url).port))
const proxied = `http://127.0.0.1:${proxy.port}`

const EVENTS = 300
await append('acme', Array.from({ length: EVENTS }, (_, n) => event({
  data: { text: 'x'.repeat(1_000) }, outcome: n % 2 === 0 ? 'success' : 'denied'
})))
await until(async () => await call('acme.auditor', '/v1/checkpoint'),
  ({ statusCode }) => statusCode === 200)

const keyFile = join(folder, 'api.key')
await writeFile(keyFile, `${keys['acme.compliance']}\n`, { mode: 0o600 })

const fileOf = (name: string): string => join(folder, name)
const isThere = async (name: string): Promise<boolean> =>
  await access(fileOf(name)).then(() => true, () => false)

async function run (name: string, ...more: string[]): Promise<{ code: unknown, said: string }> {
  const command = runCommand(t, ['export', proxied, fileOf(name), '--api-key', keyFile, ...more])
  return { code: await command.ended, said: command.said() }
}

/** An export that can be downloaded, and its bytes. */
async function made (wish: object): Promise<{ id: string, sha256: string, bytes: Buffer }> {
  const { id } = (await call('acme.compliance', {
    method: 'POST', url: '/v1/exports', payload: wish
  })).json()
  const view = await until(async () => (await call('acme.compliance', `/v1/exports/${id}`)).json(),
    ({ state }) => state === 'ready')
  const { rawPayload } = await call('acme.compliance', `/v1/exports/${id}/download`)
  return { id, sha256: view.sha256, bytes: rawPayload }
}

t.test('an export becomes a file, filtered, checked, and for nobody else to read', async (t) => {
  const { code, said } = await run('denied.json', '--outcome', 'denied', '--entity', 'order:456')
  t.equal(code, 0, said)
  const bytes = await readFile(fileOf('denied.json'))
  const events: Array<{ outcome: string }> = JSON.parse(bytes.toString())
  t.equal(events.length, EVENTS / 2)
  t.ok(events.every(({ outcome }) => outcome === 'denied'))
  t.match(said, `${EVENTS / 2} events, ${bytes.length} bytes`)
  t.match(said, `sha256 ${hash('sha256', bytes)}`)
  t.match(said, /Downloading: \d+ of \d+/)
  t.equal((await stat(fileOf('denied.json'))).mode & 0o077, 0)
  t.notOk(await isThere('denied.json.part') || await isThere('denied.json.part.json'))
})

t.test('a download goes on by itself where the connection broke', async (t) => {
  const { id, bytes } = await made({ format: 'ndjson', entity: 'order:456' })
  proxy.cutAfter('answered', 150_000)
  const before = proxy.answered
  const { code, said } = await run('broken.ndjson', '--id', id)
  t.equal(code, 0, said)
  t.match(said, 'The connection broke')
  t.ok((await readFile(fileOf('broken.ndjson'))).equals(bytes))
  t.ok(proxy.answered - before < bytes.length * 1.5, 'what had come is not sent again')
})

t.test('another run goes on where one was stopped', async (t) => {
  const { id, sha256, bytes } = await made({ format: 'csv', entity: 'order:456' })
  const begin = async (name: string, part: Buffer) => {
    await writeFile(fileOf(`${name}.part`), part)
    await writeFile(fileOf(`${name}.part.json`),
      JSON.stringify({ url: proxied, id, etag: `"${sha256}"` }))
  }
  await begin('stopped.csv', bytes.subarray(0, 200_000))
  const before = proxy.answered
  const { code, said } = await run('stopped.csv')
  t.equal(code, 0, said)
  t.match(said, `Going on with the export ${id}`)
  t.ok((await readFile(fileOf('stopped.csv'))).equals(bytes))
  t.ok(proxy.answered - before < bytes.length - 190_000)

  const wrong = Buffer.from(bytes.subarray(0, 1_000))
  wrong.write('other')
  await begin('wrong.csv', wrong)
  t.match(await run('wrong.csv'), { code: 1, said: /not the digest/ })
  t.notOk(await isThere('wrong.csv') || await isThere('wrong.csv.part'))
  t.equal((await run('wrong.csv')).code, 0, 'the next run begins anew')
  t.ok((await readFile(fileOf('wrong.csv'))).equals(bytes))
})

t.test('a bundle is verified by the other command', async (t) => {
  t.equal((await run('all.bundle')).code, 0)
  const { verifierKeys: [vkey] } = (await call(
    undefined, '/.well-known/ledger-keys?origin=test/acme')).json()
  const verify = runCommand(t, ['verify', fileOf('all.bundle'), '--key', vkey])
  t.equal(await verify.ended, 0, verify.said())
  t.match(verify.said(), /^OK test\/acme: (\d+) of \1 leaves proven/m)
})

t.test('what cannot be is said in a sentence', async (t) => {
  t.match(await run('denied.json'), { code: 2, said: /is there already/ })
  t.match(await run('a.csv', '--format', 'xml'), { code: 2, said: /format/ })
  t.match(await run('a.csv', '--outcome', 'good'), { code: 2, said: /outcome/ })
  t.match(await run('a.csv', '--colour', 'red'), { code: 2, said: /--colour/ })
  t.match(await run('a.csv', '--tag', 'none'), { code: 1, said: /404/ })
  const { id } = await made({ format: 'json' })
  await call('acme.compliance', { method: 'DELETE', url: `/v1/exports/${id}` })
  t.match(await run('gone.json', '--id', id), { code: 1, said: /is deleted/ })
  t.notOk(await isThere('gone.json.part.json') || await isThere('a.csv.part.json'))
})
