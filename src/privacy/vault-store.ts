import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import type { SubjectRef } from '../../schemas/primitives.ts'
import { LedgerError } from '../errors.ts'
import { isUnavailable } from '../postgres/errors.ts'
import type { Pool } from '../postgres/pool.ts'
import type { SubjectKey } from './cipher.ts'
import type { MasterKey } from './master-key.ts'
import {
  insertSubjects, insertVaultKey, selectByLookup, selectByRef, selectCurrentMasterKey,
  selectVaultKey,
  type NewSubjectRow, type VaultKeyRow
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

/** A subject's key as the vault has it. */
export interface StoredKey extends SubjectKey {
  /** The subject is being erased: its values may still be opened, nothing more be sealed. */
  closed: boolean
  /** Refs of the same subject that are closed, if there are any beside it. */
  others?: string[]
}

/** The vault's rows, unwrapped; remembers nothing but its own lookup key. */
export interface VaultStore {
  /** The key of each subject, in order; a closed one only where none is to be made. */
  bySubject (wanted: readonly Wanted[]): Promise<Array<StoredKey | undefined>>
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

  async function find (lookups: readonly Lookup[]): Promise<Found> {
    const rows = await selectByLookup(pool, distinct(lookups))
    const keys = await Promise.all(rows.map(async (row) =>
      ({ ref: row.ref, closed: row.closed, dataKey: await unwrapRow(masterKey, row) })))
    const found: Found = new Map()
    for (const [index, { lookup }] of rows.entries()) {
      const text = lookup.toString('base64')
      found.set(text, [...found.get(text) ?? [], ...keys.slice(index, index + 1)])
    }
    return found
  }

  async function bySubject (
    wanted: readonly Wanted[]
  ): Promise<Array<StoredKey | undefined>> {
    const lookups = wanted.map((item) => lookupOf(lookupKey, item))
    const found = await find(lookups)
    const isOpen = (text: string): boolean => keyOf(found.get(text))?.closed === false
    for (let attempt = 1; ; attempt++) {
      const missing = lookups.filter(({ create, text }) => create && !isOpen(text))
      if (missing.length === 0) return lookups.map(({ text }) => keyOf(found.get(text)))
      if (attempt > CREATE_ATTEMPTS) throw new Error('vault: new subjects vanish as they are added')
      if (attempt > 1) await followRotation(pool, masterKey)
      await insertSubjects(pool, await Promise.all(
        distinct(missing).map(async (lookup) => await newSubject(masterKey, lookup))))
      for (const [text, keys] of await find(missing)) found.set(text, keys)
    }
  }

  async function byRef (wanted: readonly WantedRef[]): Promise<Array<Buffer | undefined>> {
    const rows = await selectByRef(pool, wanted)
    const found = new Map(await Promise.all(rows.map(async (row) =>
      [`${row.tenant} ${row.ref}`, await unwrapRow(masterKey, row)] as const)))
    return wanted.map(({ tenant, ref }) => found.get(`${tenant} ${ref}`))
  }

  return {
    bySubject: async (wanted) => await reaching(async () => await bySubject(wanted)),
    byRef: async (wanted) => await reaching(async () => await byRef(wanted))
  }
}

/** Keys by the text of their lookup, the oldest first. */
type Found = Map<string, StoredKey[]>

/** The open one of a subject's keys, or the last that was closed. */
function keyOf (keys: readonly StoredKey[] = []): StoredKey | undefined {
  const key = keys.find(({ closed }) => !closed) ?? keys.at(-1)
  const others = keys.filter((other) => other !== key).map(({ ref }) => ref)
  return key === undefined || others.length === 0 ? key : { ...key, others }
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

async function newSubject (
  masterKey: MasterKey, { tenant, lookup }: Lookup
): Promise<NewSubjectRow> {
  const wrapped = await masterKey.wrap(randomBytes(KEY_BYTES))
  return { tenant, ref: randomUUID(), lookup, wrapped, masterKeyId: masterKey.id }
}

async function openLookupKey (pool: Pool, masterKey: MasterKey): Promise<Buffer> {
  const row = await selectVaultKey(pool, LOOKUP_KEY)
  if (row !== undefined) return await unwrapRow(masterKey, row)
  const wrapped = await masterKey.wrap(randomBytes(KEY_BYTES))
  await insertVaultKey(pool, LOOKUP_KEY, { wrapped, masterKeyId: masterKey.id })
  // Another process may have been first: what is in the vault now counts.
  const kept = await selectVaultKey(pool, LOOKUP_KEY)
  if (kept === undefined) throw new Error('vault: the lookup key vanished as it was added')
  return await unwrapRow(masterKey, kept)
}

/** The key of a row, unwrapped by whichever master key wrapped it. Throws VAULT_KEY_INVALID. */
export async function unwrapRow (masterKey: MasterKey, row: VaultKeyRow): Promise<Buffer> {
  const key = row.masterKeyId === masterKey.id
    ? masterKey
    : await masterKey.find?.(row.masterKeyId)
  if (key === undefined) {
    throw new LedgerError('VAULT_KEY_INVALID',
      `the vault was made with master key ${row.masterKeyId}, this one is ${masterKey.id}: ` +
      'without the right one no personal data can be opened, so put it back')
  }
  try {
    return await key.unwrap(row.wrapped)
  } catch (cause) {
    throw new LedgerError('VAULT_KEY_INVALID',
      `master key ${key.id} does not open a key that is marked as wrapped by it: ` +
      'the row in the vault is damaged', { cause })
  }
}

/** After a rotation in another process: from now on this one wraps under the same key. */
async function followRotation (pool: Pool, masterKey: MasterKey): Promise<void> {
  const current = await selectCurrentMasterKey(pool)
  if (current === undefined || current === masterKey.id) return
  await masterKey.find?.(current)
  if (current === masterKey.id) return
  throw new LedgerError('VAULT_KEY_INVALID',
    `the vault's keys were rotated to master key ${current}, and this process has ` +
    `${masterKey.id}: give it the same key`)
}

async function reaching<T> (work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (!isUnavailable(cause)) throw cause
    throw new LedgerError('DATABASE_UNAVAILABLE', 'the vault cannot be reached', { cause })
  }
}
