import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { KEY_TTL_MS } from '../../src/privacy/vault.ts'
import { eventually, runCommand } from '../e2e/command.ts'
import { allPages, client, type Client } from '../e2e/http.ts'
import { testLedger, testTenant } from '../e2e/ledger.ts'
import { testFolder } from '../helper.ts'

const PERSONS = 20
const ERASED = 10
const SNAPSHOT_MAX_MS = 120_000
const END_BYTES = 16

t.test('nothing of who was erased is left on any surface, nor in memory', async (t) => {
  const snapshots = await testFolder(t)
  const ledger = await testLedger(t, {
    apis: 1,
    workers: 1,
    logLevel: 'trace',
    nodeOptions: `--heapsnapshot-signal=SIGUSR2 --diagnostic-dir=${snapshots}`
  })
  const { tenant, key } = await testTenant(ledger)
  const issued = await ledger.admin.post('/v1/api-keys', {
    tenant, name: 'compliance', roles: ['compliance']
  })
  const { secret } = issued.json() as { secret: string }
  const [api] = ledger.apis
  if (api === undefined) throw new Error('no API')
  const [producer, compliance] = [client(api.address, key), client(api.address, secret)]
  const word = randomBytes(6).toString('hex')
  const name = (n: number): string => `cnry-${word}-${n < ERASED ? 'gone' : 'kept'}-${n}`
  const gone = `cnry-${word}-gone`

  const persons = Array.from({ length: PERSONS }, (_, n) => name(n))
  const appended = await producer.post('/v1/events', persons.flatMap((one) => eventsOf(one)), {
    prefer: 'wait=20; until=proven'
  })
  t.equal(appended.status, 201, appended.text)
  const before = await surfaces(compliance, persons)
  t.ok(count(before.join(), gone) > ERASED * 10, 'they were read in every way')
  const exported = await exportAll(compliance)
  for (const [format, text] of await downloads(compliance, exported)) {
    t.equal(count(text, gone) > ERASED, format !== 'bundle', `${format} shows sections opened`)
  }

  for (const id of persons.slice(0, ERASED)) {
    const answer = await compliance.post('/v1/erasures', {
      subject: { type: 'user', id }, legalBasis: 'art. 17', reason: 'asked'
    })
    t.equal(answer.status, 202, answer.text)
  }
  await eventually(async () => await allPages(compliance, '/v1/erasures?state=executed'),
    ({ length }) => length === ERASED)
  // Answers to who asks for somebody by name are left out: they may say it again.
  const after = await surfaces(compliance, persons.slice(ERASED))
  t.equal(count(after.join(), gone), 0, 'lists, stream, replay, report')
  t.ok(count(after.join(), `cnry-${word}-kept`) > PERSONS)
  for (const ids of [exported, await exportAll(compliance)]) {
    for (const [format, text] of await downloads(compliance, ids)) {
      t.equal(count(text, gone), 0, `an export as ${format}`)
      t.equal(count(text, `cnry-${word}-kept`) > PERSONS - ERASED, format !== 'bundle')
    }
  }
  for (const id of persons.slice(0, ERASED)) {
    for (const url of personal(id)) {
      const answer = await compliance.get(url)
      t.ok([200, 404].includes(answer.status))
      t.equal(count(answer.text, gone), 0, `${url}: ${answer.text.slice(0, 200)}`)
    }
  }

  const said = await verifyLive(api.address, { tenant, key })
  t.match(said, /^OK /m)
  t.equal(count(said, `cnry-${word}`), 0, 'what verify says')
  t.equal(count((await compliance.get('/metrics')).text, `cnry-${word}`), 0, 'metrics')

  // Longer than any key may be remembered; then nothing but what a monitor asks for.
  await sleep(KEY_TTL_MS + 15_000)
  for (let n = 0; n < 20; n++) {
    await compliance.get('/readyz')
    await compliance.get('/v1/events?limit=1')
  }
  const processes = { api: api.command.child, worker: ledger.workers[0]?.child }
  for (const [which, child] of Object.entries(processes)) {
    child?.kill('SIGUSR2')
    const file = await eventually(
      async () => (await readdir(snapshots)).find((file) => file.includes(`.${child?.pid}.`)),
      (found) => found !== undefined, SNAPSHOT_MAX_MS)
    const snapshot = path.join(snapshots, file ?? '')
    await eventually(async () => await isWhole(snapshot), (whole) => whole, SNAPSHOT_MAX_MS)
    const [canaries, known = 0] = await countsIn(snapshot, [gone, tenant])
    t.comment(`${which}: ${canaries} canaries, the tenant ${known} times in the snapshot`)
    t.ok(known > 0, 'the snapshot shows what is in memory')
    t.equal(canaries, 0, `memory of the ${which}`)
  }
  const logged = [api.command, ...ledger.workers].map((command) => command.said()).join()
  t.ok(logged.length > 100)
  t.equal(count(logged, `cnry-${word}`), 0, 'logs')

  async function verifyLive (url: string, { tenant, key }: { tenant: string, key: string }) {
    const keys = await compliance.get(`/.well-known/ledger-keys?origin=audit-ledger/${tenant}`)
    const { verifierKeys: [vkey] } = keys.json() as { verifierKeys: string[] }
    const file = path.join(snapshots, 'api.key')
    await writeFile(file, key)
    const verify = runCommand(t, ['verify', url, '--key', vkey ?? '', '--api-key', file])
    await verify.ended
    return verify.said()
  }
})

/** What a person does, and what is done about a person, with the name wherever it can stand. */
function eventsOf (name: string): object[] {
  const common = { outcome: 'success', category: 'change', context: { sessionId: `of-${name}` } }
  return [{
    ...common,
    action: 'order.updated',
    actor: { type: 'user', id: name, name, email: `${name}@example.com` },
    entity: { type: 'order', id: '7' },
    after: { note: `of ${name}` },
    personal: [{ subject: { type: 'user', id: name }, paths: ['/after/note'] }]
  }, {
    ...common,
    action: 'user.noted',
    actor: { type: 'service', id: 'hr' },
    context: {},
    entity: { type: 'user', id: name, name },
    related: [{ type: 'order', id: '7' }],
    data: { note: `about ${name}` },
    personal: [{ subject: { type: 'user', id: name }, paths: ['/data/note'] }]
  }]
}

/** Ways in which one person is read. */
function personal (name: string): string[] {
  return [
    `/v1/users/${name}/events`, `/v1/users/${name}/summary`, `/v1/subjects/user/${name}/report`,
    `/v1/entities/user/${name}/events`, `/v1/entities/user/${name}/state`,
    `/v1/events?actor=${name}`, `/v1/events?entity=user:${name}`,
    `/activities/admin/users/${name}/activities`, `/api/activity?userId=${name}`
  ]
}

/** Everything that can be read about all, and about these persons. */
async function surfaces (reader: Client, persons: readonly string[]): Promise<string[]> {
  const urls = [
    '/v1/events?limit=200', '/v1/events/stream?after=0&seconds=0', '/v1/replay',
    '/v1/entities/order/7/events', '/v1/entities/order/7/state', '/v1/entities/order/7/blame',
    '/v1/entities/order/7/proof', '/v1/aggregations?groupBy=actor', '/v1/tasks',
    '/api/activity', '/activities/', '/v1/tile/entries/000.p/2', '/openapi.json', '/metrics',
    ...persons.flatMap(personal)
  ]
  const texts: string[] = []
  for (const url of urls) {
    const { status, text } = await reader.get(url)
    if (status !== 200) throw new Error(`${url}: ${status} ${text}`)
    texts.push(text)
  }
  return texts
}

const FORMATS = ['csv', 'json', 'ndjson', 'bundle']

/** Asks for an export of everything in each format; their ids by format. */
async function exportAll (compliance: Client): Promise<Map<string, string>> {
  const ids = new Map<string, string>()
  for (const format of FORMATS) {
    const asked = await compliance.post('/v1/exports', { format })
    if (asked.status !== 202) throw new Error(asked.text)
    ids.set(format, (asked.json() as { id: string }).id)
  }
  return ids
}

/** What they are now. An erasure makes them anew. */
async function downloads (
  compliance: Client, ids: ReadonlyMap<string, string>
): Promise<Array<[format: string, text: string]>> {
  return await Promise.all([...ids].map(async ([format, id]): Promise<[string, string]> => {
    const { text } = await eventually(
      async () => await compliance.get(`/v1/exports/${id}/download`),
      ({ status }) => status === 200)
    return [format, text]
  }))
}

function count (text: string, word: string): number {
  return text.split(word).length - 1
}

/** Whether a snapshot, which is one JSON object, is written to its end: strings come last. */
async function isWhole (file: string): Promise<boolean> {
  const { size } = await stat(file)
  if (size < END_BYTES) return false
  let end = ''
  const last = createReadStream(file, { start: size - END_BYTES })
  for await (const chunk of last) end += String(chunk)
  return end.trimEnd().endsWith(']}')
}

/** How often each word stands in a file of any size. */
async function countsIn (file: string, words: readonly string[]): Promise<number[]> {
  const counts = words.map(() => 0)
  const overlap = Math.max(...words.map(({ length }) => length)) - 1
  let rest = ''
  for await (const chunk of createReadStream(file, { encoding: 'latin1' })) {
    const text = rest + String(chunk)
    rest = text.slice(-overlap)
    for (const [index, word] of words.entries()) {
      // What lies in the overlap alone was counted with the chunk before.
      counts[index] = (counts[index] ?? 0) + count(text, word) - count(rest, word)
    }
  }
  return words.map((word, index) => (counts[index] ?? 0) + count(rest, word))
}
