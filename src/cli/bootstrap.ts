import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { ensureKey, ensureTenant, type BootstrapOptions } from '../api/bootstrap.ts'
import { findCurrentKey } from '../api/key-store.ts'
import type { Config } from '../config.ts'
import { hasCode } from '../errors.ts'
import { migrate } from '../postgres/migrate.ts'
import { connect, KEY_ENVIRONMENT, type Connected } from './connect.ts'
import type { Connections } from './flags.ts'

const DEV_TENANT = 'default'
const ADMIN = 'admin'

/** Where the keys lie that the first start makes. */
export interface KeyFiles {
  /** undefined: there is an admin key already, kept somewhere else. */
  admin: string | undefined
  /** Only on embedded defaults. */
  dev: string | undefined
}

export interface BootstrapWishes {
  /** A development key that may append and read in tenant `default`. */
  devKey: boolean
  /** Whether an admin key without a file here is lost, rather than kept somewhere else. */
  newAdminKey: boolean
  /** Tenants that get a key like the development key's, for the sample. */
  demoTenants: readonly string[]
  signal: AbortSignal
}

/**
 * Brings the database up to date and makes the keys of a first start, in 0600 files; may be
 * repeated: a key whose file works stays, one whose file is lost is replaced.
 */
export async function bootstrap (
  config: Config & Connections, wishes: BootstrapWishes, say: (text: string) => void
): Promise<KeyFiles> {
  await migrate({
    url: config.databaseUrl,
    onProgress: (name) => { say(`Bringing the database up to date: ${name}`) }
  })
  await mkdir(config.dataDir, { recursive: true })
  const connected = await connect({ ...config, onWaiting: () => {}, signal: wishes.signal })
  try {
    return await makeKeys(connected, config.dataDir, wishes)
  } finally {
    await connected.close()
  }
}

/** Where the sample's key of a tenant lies. */
export function demoKeyFile (dataDir: string, tenant: string): string {
  return path.join(dataDir, `demo-${tenant}.key`)
}

async function makeKeys (
  { adminPool, ledger }: Connected, dataDir: string, wishes: BootstrapWishes
): Promise<KeyFiles> {
  const options: BootstrapOptions = {
    adminPool, record: ledger.recordOwn, keyEnvironment: KEY_ENVIRONMENT
  }
  const admin = path.join(dataDir, 'admin.key')
  const known = await readKey(admin)
  const keptElsewhere = known === undefined && !wishes.newAdminKey &&
    await findCurrentKey(adminPool, null, ADMIN) !== undefined
  if (!keptElsewhere) {
    const wanted = { tenant: null, name: ADMIN, roles: ['admin' as const, 'operator' as const] }
    await keepKey(admin, await ensureKey(options, { ...wanted, known }))
  }
  const dev = path.join(dataDir, 'dev.key')
  if (wishes.devKey) await tenantKey(options, DEV_TENANT, dev)
  for (const tenant of wishes.demoTenants) {
    await tenantKey(options, tenant, demoKeyFile(dataDir, tenant))
  }
  return { admin: keptElsewhere ? undefined : admin, dev: wishes.devKey ? dev : undefined }
}

async function tenantKey (options: BootstrapOptions, tenant: string, file: string): Promise<void> {
  await ensureTenant(options, tenant)
  const roles = ['producer' as const, 'auditor' as const]
  const known = await readKey(file)
  await keepKey(file, await ensureKey(options, { tenant, name: 'development', roles, known }))
}

async function readKey (file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (err) {
    if (hasCode(err, 'ENOENT')) return undefined
    throw err
  }
}

/** Whole or not at all, and never readable for others. */
async function keepKey (file: string, text: string): Promise<void> {
  if (await readKey(file) === text) return
  await writeFile(`${file}.new`, `${text}\n`, { mode: 0o600 })
  await rename(`${file}.new`, file)
}
