import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { startPostgres, type RunningPostgres } from '../../src/embedded/postgres/start.ts'
import type { Cleanup } from './cleanup.ts'

export interface Place {
  /** Removed at the end, with all that is in it. */
  readonly folder: string
  /** In it, and what `--data` gets. */
  readonly dataDir: string
  readonly postgres: RunningPostgres
}

/** A folder of its own below another, and a Postgres in it that is as durable as a user's. */
export async function openPlace (
  { below, name, say }: { below: string, name: string, say: (line: string) => void },
  cleanup: Cleanup
): Promise<Place> {
  const folder = await mkdtemp(join(below, `audit-ledger-${name}-`))
  cleanup.add(async () => { await rm(folder, { recursive: true, force: true }) })
  // Postgres may run as another account, which has to get to its folder.
  await chmod(folder, 0o755)
  const dataDir = join(folder, 'data')
  await mkdir(dataDir)
  const postgres = await startPostgres({ dataDir: join(dataDir, 'postgres'), onProgress: say })
  cleanup.add(postgres.stop)
  return { folder, dataDir, postgres }
}
