import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

import type { Account } from './account.ts'
import { npmBinaries, type Shelter } from './npm-binaries.ts'
import { childOptions } from './child.ts'

/** A folder with `initdb` and `postgres` that the account can run, and their major version. */
export interface Binaries { readonly bin: string, readonly major: number }

/**
 * The binaries to serve a data folder with: those of the npm package if there are any for this
 * platform, else an installed Postgres. With `major` (of existing data) only that version will do.
 * Throws an Error that says what was found and what to do.
 */
export async function findBinaries (shelter: Shelter, major?: number): Promise<Binaries> {
  const found: Binaries[] = []
  for await (const bin of candidates(shelter)) {
    const binaries = inspect(bin, shelter.account)
    if (binaries === undefined) continue
    if (major === undefined || binaries.major === major) return binaries
    found.push(binaries)
  }
  throw new Error(major === undefined ? NONE : mismatch(major, found))
}

const NONE = 'There are no Postgres binaries for this machine, neither from npm ' +
  `(${process.platform}-${process.arch}) nor installed: install PostgreSQL 15 or later, ` +
  'or set DATABASE_URL'

function mismatch (major: number, found: readonly Binaries[]): string {
  const list = found.map((b) => `${b.major} (${b.bin})`).join(', ') || 'none'
  return `The data was written by Postgres ${major}, which only Postgres ${major} can read, but ` +
    `the binaries found are: ${list}. Install PostgreSQL ${major}, or start on an empty folder ` +
    'and rebuild the read models from the log'
}

async function * candidates (shelter: Shelter): AsyncGenerator<string> {
  const npm = await npmBinaries(shelter)
  if (npm !== undefined) yield npm
  yield * installed()
}

/** Debian and its kin keep the server out of PATH, so the usual places are looked at as well. */
function installed (): string[] {
  const config = spawnSync('pg_config', ['--bindir'], { encoding: 'utf8' })
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => +b - +a) : []
  return [
    ...(config.status === 0 ? [config.stdout.trim()] : []),
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(':').filter((folder) => folder !== '')
  ]
}

/** What the folder holds, or undefined if the account cannot run a usable Postgres from it. */
export function inspect (bin: string, account: Account): Binaries | undefined {
  const options = { ...childOptions(account), encoding: 'utf8' } as const
  const version = spawnSync(join(bin, 'postgres'), ['--version'], options)
  const initdb = spawnSync(join(bin, 'initdb'), ['--version'], options)
  const major = Number(/\(PostgreSQL\) (\d+)/.exec(version.stdout ?? '')?.[1])
  return version.status === 0 && initdb.status === 0 && major >= 15 ? { bin, major } : undefined
}
