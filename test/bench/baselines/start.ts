import { join } from 'node:path'
import type { System, SystemName } from '../bench.ts'
import { startChild } from '../child.ts'
import { TENANTS } from '../generator.ts'

export interface BaselineOptions {
  /** The database of the baselines. */
  readonly databaseUrl: string
  /** Of the server that keeps it. */
  readonly postgresPid: number
  /** Where `filelog` writes. */
  readonly folder: string
}

/** Starts a baseline's service in a process of its own. */
export async function startBaseline (
  name: Exclude<SystemName, 'ledger'>, options: BaselineOptions
): Promise<System> {
  const usesPostgres = name === 'insert' || name === 'tuned'
  const argument = usesPostgres ? options.databaseUrl : join(options.folder, `${name}.log`)
  const child = await startChild(`baselines/${name}`, [argument])
  return {
    name,
    port: Number(child.ready['port']),
    credentials: TENANTS.map((tenant) => `x-tenant: ${tenant}\r\n`),
    roles: () => ({
      service: { pid: child.pid },
      ...(usesPostgres ? { Postgres: { pid: options.postgresPid, tree: true } } : {})
    }),
    settle: async () => 0,
    stop: child.stop
  }
}
