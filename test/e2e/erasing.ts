import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { readHarness } from '../harness.ts'
import { eventually, runCommand } from './command.ts'
import { allPages, client, type Client } from './http.ts'
import { testLedger, testTenant, type TestLedger } from './ledger.ts'
import { startLoad, type Acknowledged } from './load.ts'
import {
  bytesBelow, removeOldWal, vacuum, wrappedKeys, type WrappedKey
} from './scan.ts'

export interface Scale {
  subjects: number
  erased: number
  /** Who are asked for as well, and refused for a hold. */
  held: number
  /** Events a second that arrive meanwhile, of those who are being erased too. */
  rate: number
}

const EVENTS_EACH = 2
const BATCH = 200
const TOGETHER = 8
const KILLS = 3
/** Of the rate that is wanted. */
const ACHIEVED = 0.9

/** Erases many while events arrive and workers are killed, then looks for what is left of them. */
export async function eraseUnderLoad (t: Test, scale: Scale): Promise<void> {
  const { subjects, erased, held, rate } = scale
  const given = await givenPersons(t, scale)
  const { ledger, tenant, producer, compliance, people, canary } = given
  const raws = await rawsOf(producer)
  const file = path.join(String(ledger.env['LEDGER_DATA']), 'vault.ndjson')
  t.equal(await runCommand(t, ['vault', 'export', file], ledger.env).ended, 0)
  const wrapped = await wrappedKeys(ledger.databaseUrl, tenant)
  for (const status of await forEach(people.id, { from: erased, to: erased + held }, (id) => ({
    url: '/v1/holds', body: { subject: { type: 'user', id }, reason: 'case' }
  }), compliance)) t.equal(status, 201)

  const load = startLoad(producer, rate, () => {
    const n = Math.floor(Math.random() * subjects)
    return personal(people.id(n), `${canary}-load-${n}`)
  })
  const started = Date.now()
  const asking = forEach(people.id, { from: 0, to: erased + held }, (id) => ({
    url: '/v1/erasures',
    body: { subject: { type: 'user', id }, legalBasis: 'art. 17', reason: 'asked' }
  }), compliance)
  for (let kills = 0; kills < KILLS; kills++) {
    await sleep(1_500)
    const [victim] = ledger.workers.splice(0, 1)
    victim?.child.kill('SIGKILL')
    ledger.workers.push(ledger.startWorker())
  }
  const answers = await asking
  // A retry may meet the person erased already.
  t.ok(answers.slice(0, erased).every((status) => [202, 404].includes(status)), 'all are taken')
  t.ok(answers.slice(erased).every((status) => status === 409), 'who is held is refused')
  const open = await eventually(async () => await unfinished(compliance),
    ({ length }) => length === held, 300_000)
  t.ok(open.every(({ heldBy }) => heldBy.length === 1), 'for the hold alone')
  const seconds = (Date.now() - started) / 1_000
  const sent = await load.stop()
  t.comment(`${erased} of ${subjects} erased and ${held} held in ${seconds.toFixed(1)} s, ` +
    `${KILLS} workers killed, ${sent.acknowledged.length} events meanwhile ` +
    `(${sent.rate.toFixed(0)}/s)`)
  t.ok(sent.rate >= rate * ACHIEVED, `${sent.rate.toFixed(1)} of ${rate} events a second`)

  await sleep(1_500)
  const back = await checkAcknowledged(t, given, sent.acknowledged)
  for (const n of Array.from({ length: 20 }, (_, n) => Math.floor(n * erased / 20))) {
    const gone = await compliance.get(`/v1/users/${people.id(n)}/events`)
    t.equal(gone.status, back.has(people.id(n)) ? 200 : 404)
    t.equal(count(gone.text, `${canary}-gone`), 0)
    const kept = erased + n % (subjects - erased)
    const feed = await compliance.get(`/v1/users/${people.id(kept)}/events?limit=200`)
    t.ok(count(feed.text, `"name":"${people.name(kept)}"`) >= EVENTS_EACH, 'others are untouched')
  }
  t.strictSame(await rawsOf(producer, [...raws.keys()]), raws, 'log and leaves are the same')

  const restored = runCommand(t, ['vault', 'restore', file], ledger.env)
  t.equal(await restored.ended, 0)
  t.match(restored.said(), new RegExp(`0 keys are back, .* ${erased} belong to persons who were`))
  const kept = path.join(String(ledger.env['LEDGER_DATA']), 'kept.key')
  const command = ['rotate-master-key']
  t.equal(await runCommand(t, [...command, '--destroy', file], ledger.env).ended, 1, 'no key file')
  t.equal(await runCommand(t, [...command, '--keep', kept], ledger.env).ended, 0)
  const unverified = async (): Promise<number> =>
    (await erasures(compliance)).filter(({ verified }) => verified === null).length
  t.ok(await unverified() > held, 'what was kept still opens older backups')
  const master = path.join(String(ledger.env['LEDGER_DATA']), 'master.key')
  const inUse = runCommand(t, [...command, '--destroy', master], ledger.env)
  t.equal(await inUse.ended, 1)
  t.match(inUse.said(), /is in use: there are keys that it alone opens; rotate first/)
  t.equal(await runCommand(t, [...command, '--destroy', kept], ledger.env).ended, 0)
  t.notOk(existsSync(kept))
  t.equal(await eventually(unverified, (count) => count === held, 10_000), held, 'all are verified')
  t.equal((await compliance.get(`/v1/users/${people.id(subjects - 1)}/events`)).status, 200)
  await lookForTraces(t, given, wrapped)
}

interface Given {
  ledger: TestLedger
  tenant: string
  producer: Client
  compliance: Client
  people: { id: (n: number) => string, name: (n: number) => string }
  /** Part of everything personal, and of nothing else. */
  canary: string
  scale: Scale
}

/** A ledger with so many persons, those to be erased first, then those that are held. */
async function givenPersons (t: Test, scale: Scale): Promise<Given> {
  const ledger = await testLedger(t, { apis: 2, workers: 2, logLevel: 'trace' })
  await removeOldWal(t, ledger.databaseUrl)
  const { tenant, key } = await testTenant(ledger)
  const issued = await ledger.admin.post('/v1/api-keys', {
    tenant, name: 'compliance', roles: ['compliance']
  })
  const { secret } = issued.json() as { secret: string }
  const [one, other] = ledger.apis.map(({ address }) => address) as [string, string]
  const [producer, compliance] = [client(one, key), client(other, secret)]
  const canary = `cnry-${randomBytes(6).toString('hex')}`
  const people = {
    id: (n: number) => `${canary}-id-${n}`,
    name: (n: number) => `${canary}-${n < scale.erased ? 'gone' : 'kept'}-${n}`
  }
  const all = Array.from({ length: scale.subjects * EVENTS_EACH }, (_, index) => {
    const n = index % scale.subjects
    return personal(people.id(n), people.name(n))
  })
  for (let from = 0; from < all.length; from += BATCH) {
    const answer = await producer.post('/v1/events', all.slice(from, from + BATCH), {
      prefer: 'wait=20'
    })
    if (answer.status !== 201) throw new Error(answer.text)
  }
  return { ledger, tenant, producer, compliance, people, canary, scale }
}

function personal (id: string, name: string): Record<string, unknown> {
  return {
    action: 'order.updated',
    category: 'change',
    outcome: 'success',
    actor: { type: 'user', id, name, email: `${name}@example.com` },
    entity: { type: 'order', id: String(Math.floor(Math.random() * 50)) },
    context: { sessionId: `session-of-${name}` },
    data: { note: `about ${name}` },
    personal: [{ subject: { type: 'user', id }, paths: ['/data/note'] }]
  }
}

/** Posts something for each of the persons; the statuses, after trying again while reads lag. */
async function forEach (
  id: (n: number) => string, { from, to }: { from: number, to: number },
  request: (id: string) => { url: string, body: object }, compliance: Client
): Promise<number[]> {
  const statuses: number[] = []
  let next = from
  await Promise.all(Array.from({ length: TOGETHER }, async () => {
    for (let n = next++; n < to; n = next++) {
      const { url, body } = request(id(n))
      const answer = await eventually(async () => await compliance.post(url, body),
        ({ status }) => status !== 503 && status !== 0, 60_000)
      statuses[n - from] = answer.status
    }
  }))
  return statuses
}

interface Erasure {
  id: string
  state: string
  subject: { ref: string }
  heldBy: unknown[]
  lateEvents: number
  verified: unknown
}

async function erasures (compliance: Client): Promise<Erasure[]> {
  return await allPages(compliance, '/v1/erasures') as unknown as Erasure[]
}

async function unfinished (compliance: Client): Promise<Erasure[]> {
  return (await erasures(compliance)).filter(({ state }) => state !== 'executed')
}

/**
 * Every acknowledged event is in the log. It is shown with the person if it has the person's ref
 * of now, and without if it has one that was erased; one that came after the order is counted
 * late. Returns who came back.
 */
async function checkAcknowledged (
  t: Test, { compliance, canary }: Given, acknowledged: readonly Acknowledged[]
): Promise<Set<string>> {
  const log = new Map<string, { position: bigint, ref: string }>()
  const ordered = new Map<string, bigint>()
  for (const line of (await compliance.get('/v1/replay')).text.trim().split('\n')) {
    const { id, position, type, data, end, complete } = JSON.parse(line)
    if (end === true) t.ok(complete, 'all of the log')
    else if (type === 'ledger.erasure_ordered') ordered.set(data.data.ref, BigInt(position))
    else log.set(id, { position: BigInt(position), ref: data.actor?.ref })
  }
  const views = new Map((await allPages(compliance, '/v1/events?action=order.updated'))
    .map((view) => [view.id, JSON.stringify(view)]))
  const gone = [...views.values()].filter((view) => view.includes(`${canary}-gone`))
  t.equal(gone.length, 0, 'nobody who was erased is shown')

  const wrong: unknown[] = []
  const counts = { shown: 0, erased: 0, late: 0 }
  const back = new Set<string>()
  for (const { id, event: { actor } } of acknowledged) {
    const { position = 0n, ref = '' } = log.get(id) ?? {}
    const orderedAt = ordered.get(ref)
    const view = views.get(id) ?? ''
    if (orderedAt === undefined) {
      if (!view.includes(`"id":"${actor.id}"`)) wrong.push([id, 'not shown'])
      counts.shown++
      back.add(actor.id)
      continue
    }
    if (!view.includes('"erased":true') || view.includes(canary)) wrong.push([id, 'not erased'])
    counts.erased++
    if (position > orderedAt) counts.late++
  }
  t.strictSame(wrong, [], 'every acknowledged event is in the log, and shown as it should be')
  const late = (await erasures(compliance)).reduce((sum, { lateEvents }) => sum + lateEvents, 0)
  t.equal(late, counts.late, 'late ones are counted')
  t.ok(counts.erased > 0, 'events of persons who were being erased were among them')
  t.comment(`of the events meanwhile: ${JSON.stringify(counts)}`)
  return back
}

/** What the log holds of the first events, by id. */
async function rawsOf (reader: Client, ids?: string[]): Promise<Map<string, string>> {
  const wanted = ids ?? ((await reader.get('/v1/events?limit=50&action=order.updated')).json() as {
    items: Array<{ id: string }>
  }).items.map(({ id }) => id)
  return new Map(await Promise.all(wanted.map(async (id) =>
    [id, (await reader.get(`/v1/events/${id}/raw`)).text] as const)))
}

/** Looks through every file. What must be there is found by the same look. */
async function lookForTraces (
  t: Test, { ledger, tenant, compliance, canary, scale }: Given, before: readonly WrappedKey[]
): Promise<void> {
  const { folder } = await readHarness()
  const [base, wal] = ['base', 'pg_wal'].map((name) => path.join(folder, 'postgres', name)) as
    [string, string]
  const left = await wrappedKeys(ledger.databaseUrl, tenant)
  const refs = new Set(left.map(({ ref }) => ref))
  const destroyed = before.filter(({ ref }) => !refs.has(ref)).map(({ wrapped }) => wrapped)
  t.equal(destroyed.length, scale.erased)
  const kept = left.slice(0, 1).map(({ wrapped }) => wrapped)
  t.ok((await bytesBelow(wal, { destroyed })).destroyed > 0, 'the WAL still has some of theirs')
  await vacuum(ledger.databaseUrl)
  const inTables = await bytesBelow(base, { destroyed, kept })
  t.equal(inTables.destroyed, 0, 'after vacuum full no wrapped key of theirs is in a table')
  t.ok(inTables.kept > 0, 'the key of somebody who stays is')
  t.equal((await bytesBelow(wal, { destroyed })).destroyed, 0, 'nor in the WAL after a checkpoint')

  const wanted = { canary: [Buffer.from(canary)], tenant: [Buffer.from(tenant)] }
  const places = {
    log: await bytesBelow(ledger.node.dataDir, wanted),
    postgres: await bytesBelow(path.join(folder, 'postgres'), wanted),
    files: await bytesBelow(String(ledger.env['LEDGER_DATA']), wanted)
  }
  const said = [...ledger.workers, ...ledger.apis.map(({ command }) => command)]
    .map((command) => command.said()).join()
  const canaries = {
    ...Object.fromEntries(Object.entries(places).map(([place, { canary }]) => [place, canary])),
    said: count(said, canary),
    metrics: count((await compliance.get('/metrics')).text, canary)
  }
  t.strictSame(canaries, { log: 0, postgres: 0, files: 0, said: 0, metrics: 0 }, 'nothing personal')
  for (const [place, { tenant }] of Object.entries(places)) {
    t.ok(tenant > 0, `the tenant is found in ${place}`)
  }
  t.comment(`canaries: ${JSON.stringify(canaries)}`)
}

function count (text: string, word: string): number {
  return text.split(word).length - 1
}
