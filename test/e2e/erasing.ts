import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Test } from 'tap'
import { readHarness, urlOf } from '../harness.ts'
import { eventually, runCommand } from './command.ts'
import { allPages, client, type Client } from './http.ts'
import { testLedger, testTenant } from './ledger.ts'

export interface Scale {
  subjects: number
  erased: number
  /** Events a second that arrive meanwhile. */
  rate: number
}

const EVENTS_EACH = 2
const BATCH = 200
const TOGETHER = 8
const KILLS = 3

/** Erases many while events arrive and workers are killed, then looks for what is left of them. */
export async function eraseUnderLoad (t: Test, { subjects, erased, rate }: Scale): Promise<void> {
  const ledger = await testLedger(t, { apis: 2, workers: 2, logLevel: 'trace' })
  const { tenant, key } = await testTenant(ledger)
  const issued = await ledger.admin.post('/v1/api-keys', {
    tenant, name: 'compliance', roles: ['compliance']
  })
  const { secret } = issued.json() as { secret: string }
  const [one, other] = ledger.apis.map(({ address }) => address) as [string, string]
  const producer = client(one, key)
  const compliance = client(other, secret)
  const word = randomBytes(6).toString('hex')
  const name = (n: number): string => `cnry-${word}-${n < erased ? 'gone' : 'kept'}-${n}`

  const all = Array.from({ length: subjects * EVENTS_EACH }, (_, n) => personal(name(n % subjects)))
  for (let from = 0; from < all.length; from += BATCH) {
    const answer = await producer.post('/v1/events', all.slice(from, from + BATCH), {
      prefer: 'wait=20'
    })
    if (answer.status !== 201) throw new Error(answer.text)
  }
  const raws = await rawsOf(producer)
  const file = path.join(String(ledger.env['LEDGER_DATA']), 'vault.ndjson')
  t.equal(await runCommand(t, ['vault', 'export', file], ledger.env).ended, 0)
  const wrapped = await wrappedKeys(ledger.databaseUrl, tenant)

  const stop = new AbortController()
  const load = keepSending(producer, { rate, name: () => name(erased + random(subjects - erased)) },
    stop.signal)
  const started = Date.now()
  const asking = askAll(compliance, Array.from({ length: erased }, (_, n) => name(n)))
  let kills = 0
  for (; kills < KILLS; kills++) {
    await sleep(1_500)
    const [victim] = ledger.workers.splice(0, 1)
    victim?.child.kill('SIGKILL')
    ledger.workers.push(ledger.startWorker())
  }
  const refused = await asking
  t.strictSame(refused, [], 'every request is taken')
  const executed = async (): Promise<number> =>
    (await allPages(compliance, '/v1/erasures?state=executed')).length
  t.equal(await eventually(executed, (count) => count === erased, 300_000), erased)
  const seconds = (Date.now() - started) / 1_000
  stop.abort()
  const sent = await load
  t.comment(`${erased} of ${subjects} erased in ${seconds.toFixed(1)} s, ` +
    `${kills} workers killed, ${sent} events meanwhile (${(sent / seconds).toFixed(0)}/s)`)

  await sleep(1_500)
  const listed = JSON.stringify(await allPages(compliance, '/v1/events'))
  t.equal(count(listed, `cnry-${word}-gone`), 0, 'nobody who was erased is shown')
  const sample = Array.from({ length: 20 }, (_, n) => Math.floor(n * erased / 20))
  for (const n of sample) {
    t.equal((await compliance.get(`/v1/users/${name(n)}/events`)).status, 404)
    const kept = erased + n % (subjects - erased)
    const feed = await compliance.get(`/v1/users/${name(kept)}/events`)
    t.ok(count(feed.text, `"name":"${name(kept)}"`) >= EVENTS_EACH, 'others are untouched')
  }
  t.strictSame(await rawsOf(producer, [...raws.keys()]), raws, 'log and leaves are the same')

  const restored = runCommand(t, ['vault', 'restore', file], ledger.env)
  t.equal(await restored.ended, 0)
  t.match(restored.said(), new RegExp(`0 keys are back, .* ${erased} belong to persons who were`))
  t.equal(await runCommand(t, ['rotate-master-key'], ledger.env).ended, 0)
  const unverified = async (): Promise<number> =>
    (await allPages(compliance, '/v1/erasures'))
      .filter((erasure) => Reflect.get(erasure, 'verified') === null).length
  t.equal(await eventually(unverified, (count) => count === 0, 10_000), 0, 'all are verified')
  t.equal((await compliance.get(`/v1/users/${name(subjects - 1)}/events`)).status, 200)
  t.equal((await compliance.get(`/v1/users/${name(0)}/events`)).status, 404)

  await vacuum(ledger.databaseUrl)
  const { folder } = await readHarness()
  const left = new Set((await wrappedKeys(ledger.databaseUrl, tenant)).map(({ ref }) => ref))
  const destroyed = wrapped.filter(({ ref }) => !left.has(ref)).map(({ wrapped }) => wrapped)
  t.equal(destroyed.length, erased)
  t.equal(await bytesBelow(path.join(folder, 'postgres', 'base'), destroyed), 0,
    'after vacuum full and a checkpoint no wrapped key of theirs is in a table')
  const words = [Buffer.from(`cnry-${word}`)]
  const places = {
    log: await bytesBelow(ledger.node.dataDir, words),
    postgres: await bytesBelow(path.join(folder, 'postgres'), words),
    files: await bytesBelow(String(ledger.env['LEDGER_DATA']), words),
    said: count([...ledger.workers, ...ledger.apis.map(({ command }) => command)]
      .map((command) => command.said()).join(), `cnry-${word}`),
    metrics: count((await compliance.get('/metrics')).text, `cnry-${word}`)
  }
  t.strictSame(places, { log: 0, postgres: 0, files: 0, said: 0, metrics: 0 }, 'no canary anywhere')
  t.comment(`canaries: ${JSON.stringify(places)}`)
}

function personal (name: string): Record<string, unknown> {
  return {
    action: 'order.updated',
    category: 'change',
    outcome: 'success',
    actor: { type: 'user', id: name, name, email: `${name}@example.com` },
    entity: { type: 'order', id: String(random(50)) },
    context: { sessionId: `session-of-${name}` },
    data: { note: `about ${name}` },
    personal: [{ subject: { type: 'user', id: name }, paths: ['/data/note'] }]
  }
}

function random (below: number): number {
  return Math.floor(Math.random() * below)
}

async function keepSending (
  producer: Client, { rate, name }: { rate: number, name: () => string }, signal: AbortSignal
): Promise<number> {
  const EVERY_MS = 100
  let sent = 0
  while (!signal.aborted) {
    const started = Date.now()
    const events = Array.from({ length: rate * EVERY_MS / 1_000 }, () => personal(name()))
    const answer = await producer.post('/v1/events', events)
    if (answer.status !== 201) throw new Error(answer.text)
    sent += events.length
    await sleep(Math.max(0, EVERY_MS - (Date.now() - started)))
  }
  return sent
}

/** Requests that were not taken, after trying again while reads lag. */
async function askAll (compliance: Client, names: string[]): Promise<string[]> {
  const refused: string[] = []
  await Promise.all(Array.from({ length: TOGETHER }, async () => {
    for (let id = names.pop(); id !== undefined; id = names.pop()) {
      const body = { subject: { type: 'user', id }, legalBasis: 'art. 17', reason: 'asked' }
      const answer = await eventually(
        async () => await compliance.post('/v1/erasures', body),
        ({ status }) => status !== 503 && status !== 0, 60_000)
      // A retry may meet the person erased already.
      if (answer.status !== 202 && answer.status !== 404) refused.push(answer.text)
    }
  }))
  return refused
}

/** What the log holds of the first events, by id. */
async function rawsOf (reader: Client, ids?: string[]): Promise<Map<string, string>> {
  const wanted = ids ?? ((await reader.get('/v1/events?limit=50&action=order.updated')).json() as {
    items: Array<{ id: string }>
  }).items.map(({ id }) => id)
  return new Map(await Promise.all(wanted.map(async (id) =>
    [id, (await reader.get(`/v1/events/${id}/raw`)).text] as const)))
}

async function superuser<T> (
  databaseUrl: string, work: (client: pg.Client) => Promise<T>
): Promise<T> {
  const { superuserUrl } = await readHarness()
  const db = new pg.Client(urlOf(superuserUrl, new URL(databaseUrl).pathname.slice(1)))
  await db.connect()
  try {
    return await work(db)
  } finally {
    await db.end()
  }
}

async function vacuum (databaseUrl: string): Promise<void> {
  await superuser(databaseUrl, async (db) => {
    await db.query('vacuum full')
    await db.query('checkpoint')
  })
}

async function wrappedKeys (
  databaseUrl: string, tenant: string
): Promise<Array<{ ref: string, wrapped: Buffer }>> {
  return await superuser(databaseUrl, async (db) => (await db.query(
    'select ref, wrapped_key as wrapped from vault.subject where tenant = $1', [tenant])).rows)
}

function count (text: string, word: string): number {
  return text.split(word).length - 1
}

/** How often any of the words stands in any file below the folder. */
async function bytesBelow (folder: string, words: readonly Buffer[]): Promise<number> {
  let found = 0
  for (const name of await readdir(folder, { recursive: true })) {
    const bytes = await readFile(path.join(folder, name)).catch(() => undefined)
    for (const word of words) if (bytes?.includes(word)) found++
  }
  return found
}
