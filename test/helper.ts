import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import pg from 'pg'
import type { Test } from 'tap'

import { spawnNode } from '../src/embedded/eventstore/spawn.ts'
import { createPool, type Pool, type PoolOptions, type Role } from '../src/postgres/pool.ts'
import { readHarness, RUN_PREFIX, RUNNER, TEMPLATE, urlOf } from './harness.ts'

export interface TestDatabase {
  readonly name: string
  /** As the owner, who is not a superuser and sees no tenant's rows. */
  readonly url: string
  readonly superuserUrl: string
  /** A pool as the role, ended with the test; `undefined` = the bare owner. */
  pool (role: Role | undefined, options?: Partial<PoolOptions>): Pool
}

/**
 * A migrated database of its own (an empty one, from `template1`), dropped when the test ends
 * with whoever is still connected.
 */
export async function testDatabase (t: Test, template = TEMPLATE): Promise<TestDatabase> {
  const harness = await readHarness()
  const name = 't_' + randomBytes(8).toString('hex')
  const url = urlOf(harness.url, name)
  const pools: Pool[] = []
  await administer(harness.superuserUrl, [
    `create database ${name} template ${template} owner ledger`,
    // What a copy does not take over from its template.
    `grant create on database ${name} to ledger_worker`
  ])
  t.teardown(async () => {
    // Not waited for: a failed test may have kept a connection, and the drop ends them all.
    for (const pool of pools.filter((pool) => !pool.ended)) pool.end().catch(() => {})
    await administer(harness.superuserUrl, [`drop database if exists ${name} with (force)`])
  })
  return {
    name,
    url,
    superuserUrl: urlOf(harness.superuserUrl, name),
    pool (role, options = {}) {
      const pool = createPool({ url, max: 4, role, ...options })
      pools.push(pool)
      return pool
    }
  }
}

/** Statements as superuser, outside of any transaction. */
async function administer (superuserUrl: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client(superuserUrl)
  await client.connect()
  for (const statement of statements) await client.query(statement)
  await client.end()
}

/** A folder of its own outside the checkout, removed when the test ends, or by a later run. */
export async function testFolder (t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `${RUN_PREFIX}${RUNNER}-`))
  t.teardown(async () => { await rm(folder, { recursive: true, force: true }) })
  return folder
}

export interface TestNode {
  readonly url: string
  readonly port: number
  readonly pid: number
  readonly dataDir: string
  stop (): Promise<void>
  /** Ends the process at once, as a power cut does. */
  kill (): Promise<void>
  /** Starts it again, on the same folder and port. */
  start (): Promise<void>
  /** Kills and starts it. */
  restart (): Promise<void>
}

/** An event store node in a process of its own, gone when the test ends. */
export async function testNode (t: Test): Promise<TestNode> {
  const dataDir = await testFolder(t)
  let node = await spawnNode({ dataDir })
  t.teardown(async () => { await node.stop() })
  const kill = async (): Promise<void> => {
    process.kill(node.pid, 'SIGKILL')
    await node.exited
  }
  const start = async (): Promise<void> => {
    node = await spawnNode({ dataDir, port: node.port })
  }
  return {
    url: node.url,
    port: node.port,
    dataDir,
    get pid () { return node.pid },
    async stop () { await node.stop() },
    kill,
    start,
    async restart () {
      await kill()
      await start()
    }
  }
}
