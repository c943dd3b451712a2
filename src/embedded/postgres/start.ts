import { dirname, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { serverAccount } from './account.ts'
import { findBinaries, inspect, type Binaries } from './binaries.ts'
import { createCluster, dataVersion, passwords, placeData, SUPERUSER } from './cluster.ts'
import { hasCode } from './files.ts'
import type { Shelter } from './npm-binaries.ts'
import { connectionUrl, ensureOwner, OWNER } from './owner.ts'
import { serves, stopPostmaster } from './postmaster.ts'
import { launch, type Server } from './server.ts'
import { SETTINGS } from './settings.ts'

export interface PostgresOptions {
  /** The data folder; passwords (0600) and the log lie beside it, under its name. */
  readonly dataDir: string
  /** On 127.0.0.1; 0 or undefined = any free one. A server that is adopted keeps its own. */
  readonly port?: number | undefined
  /** Told, in whole sentences, what takes long or lies elsewhere than expected. */
  readonly onProgress?: ((message: string) => void) | undefined
  /** Settings on top of the usual ones; for tests, which need no durability. */
  readonly settings?: Readonly<Record<string, string>> | undefined
  /** The folder of `initdb` and `postgres`, instead of looking for one. */
  readonly binDir?: string | undefined
  /** Where root puts what the server's account could not reach otherwise. */
  readonly shelterDir?: string | undefined
}

export interface RunningPostgres {
  /** As the owner of the database, who is not a superuser. */
  readonly url: string
  readonly superuserUrl: string
  readonly port: number
  readonly pid: number
  /** Whether it already ran: left over by a process that was killed, or started by another. */
  readonly adopted: boolean
  /** Settles when the server has ended, for whatever reason; does not keep Node alive. */
  readonly exited: Promise<void>
  /** Ends the server within 10 s, adopted or not; a second call does no harm. */
  stop (): Promise<void>
}

const EXIT_POLL_MS = 200
const WRONG_PASSWORD = '28P01'

/**
 * A Postgres of our own on the data folder, made on the first call; ready when this returns.
 * It survives us when we are killed, and is then adopted by the next call.
 * Throws an Error whose message says what is wrong and what to do.
 */
export async function startPostgres (options: PostgresOptions): Promise<RunningPostgres> {
  const dataDir = resolve(options.dataDir)
  const shelter = shelterOf(options, dataDir)
  const place = await placeData(dataDir, shelter)
  const secrets = await passwords(dataDir)
  const binaries = await chooseBinaries(options, shelter, place)
  if (await dataVersion(place) === undefined) {
    shelter.say(`creating a Postgres ${binaries.major} database in ${place}`)
    await createCluster(place, binaries, secrets.superuser, shelter)
  }
  const server = await launch({
    binaries,
    place,
    account: shelter.account,
    logFile: `${dataDir}.log`,
    port: options.port ?? 0,
    settings: { ...SETTINGS, ...options.settings },
    say: shelter.say
  })
  try {
    await ensureOwner(server.port, secrets)
  } catch (err) {
    if (!server.adopted) await stopPostmaster(server.pid, place)
    if (!hasCode(err, WRONG_PASSWORD)) throw err
    throw new Error(`The database in ${place} does not take the passwords kept in ${dataDir}.*`,
      { cause: err })
  }
  return {
    url: connectionUrl(OWNER, secrets.owner, server.port),
    superuserUrl: connectionUrl(SUPERUSER, secrets.superuser, server.port),
    ...server,
    ...lifeOf(server, place)
  }
}

function shelterOf (options: PostgresOptions, dataDir: string): Shelter {
  const account = serverAccount()
  const usual = account === undefined ? dirname(dataDir) : '/var/lib/audit-ledger'
  return {
    account,
    folder: resolve(options.shelterDir ?? usual),
    say: options.onProgress ?? (() => {})
  }
}

async function chooseBinaries (
  options: PostgresOptions, shelter: Shelter, place: string
): Promise<Binaries> {
  const major = await dataVersion(place)
  if (options.binDir === undefined) return await findBinaries(shelter, major)
  const binaries = inspect(options.binDir, shelter.account)
  if (binaries === undefined) throw new Error(`${options.binDir} holds no usable Postgres`)
  if (major !== undefined && binaries.major !== major) {
    throw new Error(`The data in ${place} was written by Postgres ${major}, ` +
      `but ${options.binDir} holds Postgres ${binaries.major}`)
  }
  return binaries
}

/** Polled, because an adopted server is not our child and so tells us nothing. */
function lifeOf (server: Server, place: string): Pick<RunningPostgres, 'exited' | 'stop'> {
  const stopped = new AbortController()
  const watch = async (): Promise<void> => {
    const options = { ref: false, signal: stopped.signal }
    while (serves(server.pid, place)) await sleep(EXIT_POLL_MS, undefined, options)
  }
  return {
    exited: watch().catch(() => {}),
    async stop () {
      await stopPostmaster(server.pid, place)
      stopped.abort()
    }
  }
}
