import { setTimeout as sleep } from 'node:timers/promises'

import t from 'tap'

import { countEvents } from '../../projections/entries/queries.ts'
import { PROJECTIONS } from '../../projections/index.ts'
import type { Batch, Tx } from '../../projections/projection.ts'
import { tasks } from '../../projections/tasks/projection.ts'
import { inTenant } from '../../src/postgres/transaction.ts'
import { rebuild, type RebuildProgress } from '../../src/worker/rebuild.ts'
import { nextVersion, until, world } from './world.ts'

const { signal } = new AbortController()
const LIVE = `
  select name, generation, version, state from control.projection order by name, generation`

const EVENTS = "select distinct events from control.projection where state = 'live'"

/** Tasks in version 2, whose code would not work on the tables of version 1. */
const next = {
  ...nextVersion(tasks),
  async apply (batch: Batch, tx: Tx) {
    const { rows: [row] } = await tx.query<{ path: string }>(
      "select current_setting('search_path') as path")
    if (!row?.path.includes('tasks_v2_')) throw new TypeError('not my tables')
    await tasks.apply(batch, tx)
  }
}

t.test('a rebuild beside a live runner gives the same rows, and no read fails', async (t) => {
  const { runner, append, digest, database, pool, log, rows } = await world(t)
  const worker = runner()
  await worker.reached(await append(1, 300))
  const api = database.pool('ledger_api', { pipeline: true })
  const done = new AbortController()
  let last = 0n
  const appending = (async () => {
    for (let n = 301; !done.signal.aborted; n += 20) last = await append(n, n + 19)
  })()
  const counts: number[] = []
  const reading = (async () => {
    while (!done.signal.aborted) {
      counts.push(await inTenant(api, 'acme', async (tx) => await countEvents(tx, {}, 10_000)))
    }
  })()
  const progress: RebuildProgress[] = []
  for (let round = 0; round < 3; round++) {
    await rebuild({
      pool, log, projections: PROJECTIONS, signal, onProgress: (said) => { progress.push(said) }
    })
  }
  await sleep(50)
  done.abort()
  await Promise.all([appending, reading])
  await worker.reached(last)
  t.ok(counts.length > 20, `${counts.length} reads while three rebuilds went live`)
  t.strictSame(counts, counts.toSorted((one, other) => one - other), 'none went back')
  t.ok(progress.length >= 3)
  t.match(progress.at(-1), { total: BigInt })
  const live = await digest()
  await rebuild({ pool, log, projections: PROJECTIONS, signal })
  t.strictSame(await digest(), live)
  t.strictSame((await rows(LIVE)).length, PROJECTIONS.length, 'the old generations are gone')
  t.match(worker.runner.status(), { state: 'live', fenceRejections: 0 })
})

t.test('a rebuild that was killed goes on where it was', async (t) => {
  const { runner, append, digest, pool, log, rows } = await world(t)
  const worker = runner()
  const last = await append(1, 12_000)
  await worker.reached(last)
  const abort = new AbortController()
  const projections = PROJECTIONS.slice(0, 2)
  await t.rejects(rebuild({
    pool, log, projections, signal: abort.signal, onProgress: () => { abort.abort() }
  }), { name: 'AbortError' })
  const [partial] = await rows<{ events: bigint }>(
    "select events from control.projection where state = 'building' and name = 'entries'")
  t.ok(partial && partial.events > 0n && partial.events < 12_000n, `${partial?.events} were done`)
  const before = await digest()
  const seen: bigint[] = []
  await rebuild({
    pool, log, projections, signal, onProgress: ({ events }) => { seen.push(events) }
  })
  t.ok(seen[0] !== undefined && seen[0] > (partial?.events ?? 0n))
  t.strictSame(await digest(), before)
  await worker.reached(await append(12_001, 12_010))
})

t.test('another version is built by the worker itself while the rest goes on', async (t) => {
  const { runner, append, digest, rows } = await world(t)
  const one = runner()
  await one.reached(await append(1, 100))
  const before = await digest()
  await one.stop()
  const two = runner({ projections: PROJECTIONS.map((one) => one.name === 'tasks' ? next : one) })
  await until('the new version', async () => (await rows(
    "select from control.projection where name = 'tasks' and version = 2 and state = 'live'"
  )).length === 1)
  t.strictSame(await digest(), before)
  await two.reached(await append(101, 110))
  t.strictSame(await rows(EVENTS), [{ events: 110n }])
  await two.stop()

  const three = runner()
  await three.reached(await append(111, 120))
  t.strictSame(await rows("select version, events from control.projection where name = 'tasks'"),
    [{ version: 2, events: 110n }], 'a newer version is left to the program that knows it')
  await three.stop()
  const four = runner({ projections: PROJECTIONS.map((one) => one.name === 'tasks' ? next : one) })
  await four.is('live')
  await until('all level', async () => (await rows(EVENTS)).length === 1)
  t.strictSame(await rows(EVENTS), [{ events: 120n }])
})

t.test('a projection that was out of use for a while catches up before it is live', async (t) => {
  const { runner, append, digest, rows } = await world(t)
  const one = runner()
  await one.reached(await append(1, 50))
  await one.stop()
  const two = runner({ projections: PROJECTIONS.slice(0, 3) })
  await two.reached(await append(51, 100))
  await two.stop()
  const three = runner()
  await three.is('live')
  await until('all of them', async () => PROJECTIONS.length ===
    (await rows("select from control.projection where state = 'live'")).length)
  await three.reached(await append(101, 120))
  t.strictSame(await rows(EVENTS), [{ events: 120n }])
  const built = await digest()
  t.match(built['activity_summary'], /^\d+:/)
})
