import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import pg from 'pg'
import type { Test } from 'tap'

import { PROJECTIONS } from '../../projections/index.ts'
import type { Projection } from '../../projections/projection.ts'
import type { RecordedData } from '../../schemas/recorded.ts'
import { spawnNode } from '../../src/embedded/eventstore/spawn.ts'
import { createLog } from '../../src/ledger/client.ts'
import type { Log, LogEvent } from '../../src/ledger/log.ts'
import { lastRevision } from '../../src/ledger/read.ts'
import { streamOf } from '../../src/ledger/streams.ts'
import { createLogger } from '../../src/log.ts'
import type { Pool } from '../../src/postgres/pool.ts'
import { createRunner, type Runner, type RunnerOptions } from '../../src/worker/runner.ts'
import type { WorkerState } from '../../src/worker/status.ts'
import { uuid } from '../given.ts'
import { urlOf } from '../harness.ts'
import { testDatabase, testFolder, type TestDatabase } from '../helper.ts'

/** A database, a node, and runners between them: all real, all gone when the test ends. */
export interface World {
  database: TestDatabase
  node: Node
  /** Where the node is. */
  url: string
  log: Log
  pool: Pool
  runner (options?: Partial<RunnerOptions>): Started
  /** Appends events n..m to the log, a few to each entity, and returns the last position. */
  append (from: number, to: number): Promise<bigint>
  /** Row counts and digests of all read models, as any two builds of one log must have them. */
  digest (): Promise<Record<string, string>>
  rows<Row extends object> (sql: string, values?: unknown[]): Promise<Row[]>
  /** A statement that no role of the ledger may make. */
  asSuperuser (sql: string, database?: string): Promise<void>
}

/** The node of a world; whatever happens to it, its address stays. */
export interface Node {
  url: string
  dataDir: string
  stop (): Promise<void>
  start (): Promise<void>
  /** Starts it without any of its events. */
  empty (): Promise<void>
  /** Starts it with the events that it had before it was emptied. */
  refill (): Promise<void>
}

export interface Started {
  runner: Runner
  /** Aborts and waits; throws what run threw. */
  stop (): Promise<void>
  /** Waits until all up to the position is applied. */
  reached (position: bigint): Promise<void>
  is (state: WorkerState): Promise<void>
}

const WAIT_MS = 15_000
const ENTITIES = 10
const TABLES = [
  'entry', 'entry_tag', 'user_feed', 'entity_trail', 'activity_summary', 'task', 'erasure', 'hold',
  'removed_entry', 'retention_policy', 'entry_words', 'export',
  'merkle_leaf', 'merkle_node', 'merkle_tree', 'merkle_checkpoint', 'cosignature'
]

/** Times in tests are short: nobody waits for a lease of seconds. */
const QUICK = { leaseMs: 1_000, heartbeatMs: 100, retryMs: 100 }

export const silent = createLogger('test', 'silent')

export async function world (t: Test): Promise<World> {
  const database = await testDatabase(t)
  const { node, url } = await startNode(t)
  const log = createLog({ url })
  const pool = database.pool('ledger_worker', { pipeline: true, max: 10 })
  const started: Started[] = []
  t.teardown(async () => {
    await Promise.allSettled(started.map(async ({ stop }) => { await stop() }))
    await log.close()
  })
  const rows: World['rows'] = async <Row extends object>(sql: string, values?: unknown[]) =>
    (await pool.query<Row & Record<string, unknown>>(sql, values)).rows
  return {
    database,
    node,
    url,
    log,
    pool,
    rows,
    runner (options = {}) {
      const one = start({
        pool, log, projections: PROJECTIONS, logger: silent, now: Date.now, ...QUICK, ...options
      })
      started.push(one)
      return one
    },
    append: async (from, to) => await append(log, from, to),
    digest: async () => await digest(rows),
    async asSuperuser (sql, other = database.name) {
      const client = new pg.Client(urlOf(database.superuserUrl, other))
      await client.connect()
      await client.query(sql)
      await client.end()
    }
  }
}

async function startNode (t: Test): Promise<{ node: Node, url: string }> {
  const folder = await testFolder(t)
  const dataDir = join(folder, 'node')
  let spawned = await spawnNode({ dataDir })
  const { url, port } = spawned
  t.teardown(async () => { await spawned.stop() })
  const node: Node = {
    url,
    dataDir,
    stop: async () => { await spawned.stop() },
    start: async () => { spawned = await spawnNode({ dataDir, port }) },
    async empty () {
      await node.stop()
      await rename(dataDir, join(folder, 'kept'))
      await node.start()
    },
    async refill () {
      await node.stop()
      await rename(dataDir, join(folder, 'emptied'))
      await rename(join(folder, 'kept'), dataDir)
      await node.start()
    }
  }
  return { node, url }
}

function start (options: RunnerOptions): Started {
  const abort = new AbortController()
  const runner = createRunner(options)
  const running = runner.run(abort.signal)
  running.catch(() => undefined)
  return {
    runner,
    async stop () {
      abort.abort()
      await running
    },
    async reached (position) {
      await until(`position ${position}`, () => (runner.status().position ?? -1n) >= position)
    },
    async is (state) {
      await until(`state ${state}`, () => runner.status().state === state)
    }
  }
}

/** Runs a part of the worker until the end of the test, or until what it returns is called. */
export function runUntilEnd (
  t: Test, { run }: { run: (signal: AbortSignal) => Promise<unknown> }
): () => Promise<void> {
  const abort = new AbortController()
  const running = run(abort.signal)
  const stop = async (): Promise<void> => {
    abort.abort()
    await running
  }
  t.teardown(stop)
  return stop
}

/** Waits for a condition, looked at every few milliseconds; throws after 15 s. */
export async function until (
  what: string, condition: () => boolean | Promise<boolean>
): Promise<void> {
  const start = Date.now()
  while (!await condition()) {
    if (Date.now() - start > WAIT_MS) throw new Error(`waited too long for ${what}`)
    await sleep(5)
  }
}

/** Event n of every test: of all kinds, by a person or a service. */
export function recordOf (n: number): RecordedData {
  const at = new Date(Date.UTC(2026, 0, 1) + n * 60_000).toISOString()
  const ref = uuid(1_000_000 + n % 7)
  const entity = { type: n % 2 === 0 ? 'order' : 'ticket', id: String(n % ENTITIES) }
  const common = {
    v: 1, tenant: n % 10 < 7 ? 'acme' : 'other', occurredAt: at, recordedAt: at, source: 'shop'
  } as const
  const sealed = [{
    ref, paths: ['/actor/id'], commit: 'c', iv: 'i', ct: 'x'.repeat(40), find: {}
  }]
  if (n % 3 === 0) {
    return {
      ...common,
      category: 'task',
      outcome: 'success',
      actor: { type: 'agent', id: 'a-1' },
      entity,
      data: { status: `s${n}`, taskType: 'import' }
    }
  }
  return {
    ...common,
    category: 'change',
    outcome: 'denied',
    actor: { type: 'user', ref },
    entity,
    related: [{ type: 'invoice', id: '1' }],
    tags: [`t${n % 3}`],
    after: { n },
    sealed
  }
}

async function append (log: Log, from: number, to: number): Promise<bigint> {
  const streams = new Map<string, LogEvent[]>()
  for (let n = from; n <= to; n++) {
    const data = recordOf(n)
    const stream = streamOf(data)
    const events = streams.get(stream) ?? []
    streams.set(stream, [...events, { id: uuid(n), type: `${data.category}.done`, data }])
  }
  let position = 0n
  for (const [stream, events] of streams) {
    const outcome = await log.append(stream, events, await expectedRevision(log, stream))
    if (outcome.kind !== 'appended') throw new Error(`append: ${outcome.kind}`)
    if (outcome.position.commit > position) position = outcome.position.commit
  }
  return position
}

async function expectedRevision (log: Log, stream: string): Promise<bigint | undefined> {
  const revision = await lastRevision(log, stream)
  return revision < 0n ? undefined : revision
}

async function digest (rows: World['rows']): Promise<Record<string, string>> {
  const digests: Record<string, string> = {}
  for (const table of TABLES) {
    const [row] = await rows<{ digest: string }>(`
      select count(*) || ':' || md5(string_agg(r::text, '' order by r::text)) as digest
      from read.${table} r`)
    digests[table] = row?.digest ?? ''
  }
  return digests
}

/** A projection as its next version, with the same rows. */
export function nextVersion (projection: Projection): Projection {
  return { ...projection, version: projection.version + 1 }
}
