import { readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { readPostmaster, stopPostmaster } from '../src/embedded/postgres/postmaster.ts'

/** The server that the test files of one run share. */
export interface Harness {
  readonly folder: string
  readonly url: string
  readonly superuserUrl: string
}

export const TEMPLATE = 'ledger_template'
export const RUN_PREFIX = 'audit-ledger-test-'

/**
 * Setup, teardown and every test file are children of the same runner, so its process id keeps
 * runs that go on at the same time apart. Read at once: a killed runner's children get another.
 */
export const RUNNER = process.ppid
export const HARNESS_FILE = join(tmpdir(), `${RUN_PREFIX}${RUNNER}.json`)

export async function readHarness (): Promise<Harness> {
  return JSON.parse(await readFile(HARNESS_FILE, 'utf8'))
}

/** Ends the server in the folder, if there is one, and removes it; also removes a mere file. */
export async function removeHarness (folder: string): Promise<void> {
  const place = await realpath(join(folder, 'postgres')).catch(() => undefined)
  const running = place === undefined ? undefined : await readPostmaster(place)
  if (place !== undefined && running !== undefined) await stopPostmaster(running.pid, place)
  await rm(folder, { recursive: true, force: true })
}

/** The address of another database of the same server. */
export function urlOf (url: string, database: string): string {
  const other = new URL(url)
  other.pathname = '/' + database
  return other.href
}
