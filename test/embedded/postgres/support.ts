import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import pg from 'pg'
import type { Test } from 'tap'

import {
  startPostgres, type PostgresOptions, type RunningPostgres
} from '../../../src/embedded/postgres/start.ts'
import { testFolder } from '../../helper.ts'

export const asRoot = process.getuid?.() === 0

/** A folder that the server's account can reach. */
export async function openFolder (t: Test): Promise<string> {
  const folder = await testFolder(t)
  await chmod(folder, 0o755)
  return folder
}

/** Starts a Postgres that is stopped with the test. */
export async function boot (t: Test, options: PostgresOptions): Promise<RunningPostgres> {
  const postgres = await startPostgres(options)
  t.teardown(async () => { await postgres.stop() })
  return postgres
}

/** One statement on a connection of its own; the values of its rows. */
export async function ask (url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query<unknown[]>({ text: sql, rowMode: 'array' })).rows.flat()
  } finally {
    await client.end()
  }
}

/** Starts a Postgres from another process, which then waits. */
export async function bootElsewhere (
  dataDir: string, options: { uid?: number, gid?: number } = {}
): Promise<{ child: ChildProcess, port: number, pid: number, url: string }> {
  const program = join(import.meta.dirname, 'boot.js')
  const child = spawn(process.execPath, [program, dataDir], {
    ...options, stdio: ['ignore', 'pipe', 'inherit']
  })
  const [line] = await once(createInterface(child.stdout), 'line')
  return { child, ...JSON.parse(String(line)) }
}

export async function kill (child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
