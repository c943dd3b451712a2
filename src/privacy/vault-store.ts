import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import type { SubjectRef } from '../../schemas/primitives.ts'
import { LedgerError } from '../errors.ts'
import { isUnavailable } from '../postgres/errors.ts'
import type { Pool } from '../postgres/pool.ts'
import type { SubjectKey } from './cipher.ts'
import type { MasterKey } from './master-key.ts'
import {
  insertSubjects, insertVaultKey, selectByLookup, selectByRef, selectVaultKey,
  type SubjectRow, type VaultKeyRow
} from './vault-rows.ts'

export interface Wanted {
  tenant: string
  subject: SubjectRef
  /** Whether a subject without a key gets one. */
  create: boolean
}

export interface WantedRef {
  tenant: string
  ref: string
}

/** The vault's rows, unwrapped; remembers nothing but its own lookup key. */
export interface VaultStore {
  /** The key of each subject, in order. */
  bySubject (wanted: readonly Wanted[]): Promise<Array<SubjectKey | undefined>>
  /** The data key of each ref, in order. */
  byRef (wanted: readonly WantedRef[]): Promise<Array<Buffer | undefined>>
}

const LOOKUP_KEY = 'lookup'
const KEY_BYTES = 32
/** A row can only vanish between adding and reading it by being erased in between. */
const CREATE_ATTEMPTS = 3

/**
 * Opens the store; the first one ever to do so makes its lookup key. Throws VAULT_KEY_INVALID if
 * the master key is not the one that the vault was made with, DATABASE_UNAVAILABLE if there is
 * no reaching it. So do its methods.
 */
export async function openVaultStore (pool: Pool, masterKey: MasterKey): Promise<VaultStore> {
  const lookupKey = await reaching(async () => await openLookupKey(pool, masterKey))

  async function find (lookups: readonly Lookup[]): Promise<Map<string, SubjectKey>> {
    const rows = await selectByLookup(pool, lookups)
    return new Map(await Promise.all(rows.map(async (row) => [
      row.lookup.toString('base64'), { ref: row.ref, dataKey: await unwrap(masterKey, row) }
    ] as const)))
  }

  async function bySubject (
    wanted: readonly Wanted[]
  ): Promise<Array<SubjectKey | undefined>> {
    const lookups = wanted.map((item) => lookupOf(lookupKey, item))
    const found = await find(lookups)
    for (let attempt = 1; ; attempt++) {
      const missing = lookups.filter(({ create, text }) => create && !found.has(text))
      if (missing.length === 0) return lookups.map(({ text }) => found.get(text))
      if (attempt > CREATE_ATTEMPTS) throw new Error('vault: new subjects vanish as they are added')
      await insertSubjects(pool, await Promise.all(
        distinct(missing).map(async (lookup) => await newSubject(masterKey, lookup))))
      for (const [text, key] of await find(missing)) found.set(text, key)
    }
  }

  async function byRef (wanted: readonly WantedRef[]): Promise<Array<Buffer | undefined>> {
    const rows = await selectByRef(pool, wanted)
    const found = new Map(await Promise.all(rows.map(async (row) =>
      [`${row.tenant} ${row.ref}`, await unwrap(masterKey, row)] as const)))
    return wanted.map(({ tenant, ref }) => found.get(`${tenant} ${ref}`))
  }

  return {
    bySubject: async (wanted) => await reaching(async () => await bySubject(wanted)),
    byRef: async (wanted) => await reaching(async () => await byRef(wanted))
  }
}

interface Lookup {
  tenant: string
  create: boolean
  lookup: Buffer
  /** The lookup as the key of a Map. */
  text: string
}

/** The only link from a person to a ref; it cannot be computed without the vault's lookup key. */
function lookupOf (lookupKey: Buffer, { tenant, subject, create }: Wanted): Lookup {
  const lookup = createHmac('sha256', lookupKey)
    .update(JSON.stringify([tenant, subject.type, subject.id])).digest()
  return { tenant, create, lookup, text: lookup.toString('base64') }
}

function distinct (lookups: readonly Lookup[]): Lookup[] {
  return [...new Map(lookups.map((lookup) => [lookup.text, lookup])).values()]
}

async function newSubject (masterKey: MasterKey, { tenant, lookup }: Lookup): Promise<SubjectRow> {
  const wrapped = await masterKey.wrap(randomBytes(KEY_BYTES))
  return { tenant, ref: randomUUID(), lookup, wrapped, masterKeyId: masterKey.id }
}

async function openLookupKey (pool: Pool, masterKey: MasterKey): Promise<Buffer> {
  const row = await selectVaultKey(pool, LOOKUP_KEY)
  if (row !== undefined) return await unwrap(masterKey, row)
  const wrapped = await masterKey.wrap(randomBytes(KEY_BYTES))
  await insertVaultKey(pool, LOOKUP_KEY, { wrapped, masterKeyId: masterKey.id })
  // Another process may have been first: what is in the vault now counts.
  const kept = await selectVaultKey(pool, LOOKUP_KEY)
  if (kept === undefined) throw new Error('vault: the lookup key vanished as it was added')
  return await unwrap(masterKey, kept)
}

async function unwrap (masterKey: MasterKey, row: VaultKeyRow): Promise<Buffer> {
  if (row.masterKeyId !== masterKey.id) {
    throw new LedgerError('VAULT_KEY_INVALID',
      `the vault was made with master key ${row.masterKeyId}, this one is ${masterKey.id}: ` +
      'without the right one no personal data can be opened, so put it back')
  }
  try {
    return await masterKey.unwrap(row.wrapped)
  } catch (cause) {
    throw new LedgerError('VAULT_KEY_INVALID',
      `master key ${masterKey.id} does not open a key that is marked as wrapped by it: ` +
      'the row in the vault is damaged', { cause })
  }
}

async function reaching<T> (work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (!isUnavailable(cause)) throw cause
    throw new LedgerError('DATABASE_UNAVAILABLE', 'the vault cannot be reached', { cause })
  }
}
