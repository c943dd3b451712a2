import { setTimeout as sleep } from 'node:timers/promises'
import type { SubjectRef } from '../../schemas/primitives.ts'
import { RECONNECT_MS, startListener } from '../postgres/listener.ts'
import type { Pool } from '../postgres/pool.ts'
import { LedgerError } from '../errors.ts'
import type { SubjectKey } from './cipher.ts'
import { createGate, type Gate } from './gate.ts'
import { createInUse } from './in-use.ts'
import type { MasterKey } from './master-key.ts'
import { microBatch } from './micro-batch.ts'
import { subjectKey } from './personal.ts'
import { answerCalls, VAULT_CHANNEL } from './vault-calls.ts'
import { createVaultCache } from './vault-cache.ts'
import { openVaultStore, type Wanted, type WantedRef } from './vault-store.ts'

/** The keys of persons. Whoever's row is destroyed is erased, wherever their data lies. */
export interface Vault {
  /**
   * The keys of these subjects by subjectKey; who is new gets a random ref and key. `sealing` is
   * the work they are for: until it is settled, or for KEY_TTL_MS, no erasure that wants them
   * forgotten goes on.
   */
  provision (
    tenant: string, subjects: readonly SubjectRef[], sealing?: Promise<unknown>
  ): Promise<Map<string, SubjectKey>>
  /** The key of a subject, undefined if the vault has none. Never makes one. */
  find (tenant: string, subject: SubjectRef): Promise<FoundKey | undefined>
  /**
   * Every ref that a subject has, first that of what is sealed from now on, which is made if there
   * is none: as the vault has them at this moment.
   */
  refs (tenant: string, subject: SubjectRef): Promise<string[]>
  /** Data keys by ref. Refs that the vault does not have (any more) are absent. */
  keys (tenant: string, refs: readonly string[]): Promise<Map<string, Buffer>>
  /** Stops listening, gives its connection back and forgets every key. The pool stays open. */
  close (): Promise<void>
}

/**
 * A subject's key; a closed one is of somebody who is being erased, and seals nothing new. Who came
 * back while an erasure was held has `others`: the closed refs beside the one in use.
 */
export type FoundKey = SubjectKey & { closed?: boolean, others?: readonly string[] }

export interface VaultOptions {
  /** Works as role ledger_vault; one of its connections listens and is never given back. */
  pool: Pool
  masterKey: MasterKey
  /**
   * Destroys the keys that must not come back. Done before any key is opened, and again when the
   * channel was lost: the rows may have been restored meanwhile.
   */
  fence?: (() => Promise<unknown>) | undefined
  /** Milliseconds of a clock that never goes back. */
  now?: () => number
}

/** How long a key may be used after its row is gone, if nobody hears of it. */
export const KEY_TTL_MS = 60_000
/** How long a look-up waits for the fence after the channel was lost. */
const FENCE_WAIT_MS = 2_000
/** How often it is looked for keys that are too old to be remembered. */
const EXPIRE_EVERY_MS = 10_000
export const KEYS_CACHED_MAX = 20_000
/** Subjects asked for in one statement. */
export const LOOKUPS_MAX = 1_000

/**
 * Opens the vault; the first one ever to do so makes its lookup key. Throws VAULT_KEY_INVALID if
 * the master key is not the one that the vault was made with, DATABASE_UNAVAILABLE if there is
 * no reaching it, or no fence; the methods do the same.
 */
export async function createVault (options: VaultOptions): Promise<Vault> {
  const { pool, masterKey, fence = async () => {}, now = () => performance.now() } = options
  await fence()
  const gate = createGate()
  const store = await openVaultStore(pool, masterKey)
  const cache = createVaultCache({ max: KEYS_CACHED_MAX, ttlMs: KEY_TTL_MS, now })
  const expiring = setInterval(cache.expire, EXPIRE_EVERY_MS).unref()
  const bySubject = microBatch(LOOKUPS_MAX, async (wanted: Wanted[]) =>
    await behind(gate, async () => await store.bySubject(wanted)))
  const byRef = microBatch(LOOKUPS_MAX, async (wanted: WantedRef[]) =>
    await behind(gate, async () => await store.byRef(wanted)))
  const inUse = createInUse(KEY_TTL_MS)
  const calls = answerCalls(pool, inUse.settled)
  let connection = new AbortController()
  const isFenced = async (signal: AbortSignal): Promise<boolean> => {
    // What failed is tried again; whoever asks meanwhile is told that there is no fence.
    const isDone = gate.isOpen() || await fence().then(() => true, () => false)
    if (isDone && !signal.aborted) gate.open()
    return isDone
  }
  // A key that is kept by a process that nobody waits for could seal after its person was erased.
  const keepKeys = async ({ signal }: AbortController): Promise<void> => {
    while (!await isFenced(signal) || !await calls.register()) {
      await sleep(RECONNECT_MS, undefined, { signal, ref: false }).catch(() => undefined)
      if (signal.aborted) return
    }
    if (!signal.aborted) cache.onUp()
  }
  const listener = startListener({
    pool,
    channel: VAULT_CHANNEL,
    onDown () {
      connection.abort()
      gate.shut()
      cache.onDown()
    },
    onUp () {
      connection = new AbortController()
      keepKeys(connection)
    },
    onNotification (payload) {
      cache.onNotification(payload)
      calls.onNotification(payload)
    }
  })

  async function askSubject (wanted: Wanted): Promise<FoundKey | undefined> {
    const generation = cache.generation()
    const key = await bySubject(wanted)
    if (key === undefined) return undefined
    const { tenant, subject } = wanted
    cache.remember(key.closed ? { tenant, key } : { tenant, subject, key }, generation)
    return key
  }

  async function askRef (tenant: string, ref: string): Promise<Buffer | undefined> {
    const generation = cache.generation()
    const dataKey = await byRef({ tenant, ref })
    if (dataKey !== undefined) cache.remember({ tenant, key: { ref, dataKey } }, generation)
    return dataKey
  }

  return {
    async provision (tenant, subjects, sealing) {
      // Counted before it asks: what is found out now may be closed a moment later.
      if (sealing !== undefined) inUse.add(sealing)
      return await together(subjects, {
        keyOf: subjectKey,
        remembered: (subject) => cache.bySubject(tenant, subject),
        ask: async (subject) => await askSubject({ tenant, subject, create: true })
      })
    },
    find: async (tenant, subject) => cache.bySubject(tenant, subject) ??
      await askSubject({ tenant, subject, create: false }),
    async refs (tenant, subject) {
      const key = await bySubject({ tenant, subject, create: true })
      return key === undefined ? [] : [key.ref, ...key.others ?? []]
    },
    keys: async (tenant, refs) => await together(refs, {
      keyOf: String,
      remembered: (ref) => cache.byRef(tenant, ref),
      ask: async (ref) => await askRef(tenant, ref)
    }),
    async close () {
      clearInterval(expiring)
      await listener.close()
      await calls.close()
    }
  }
}

/** Asks again for what was read while rows may have come back that are to be destroyed. */
async function behind<T> (gate: Gate, ask: () => Promise<T>): Promise<T> {
  const before = gate.generation()
  const answer = await ask()
  if (gate.isOpen() && gate.generation() === before) return answer
  if (await gate.opened(FENCE_WAIT_MS)) return await ask()
  throw new LedgerError('DATABASE_UNAVAILABLE',
    'the vault was lost, and the erasures of the log could not be applied to it yet')
}

interface Source<Item, Value> {
  keyOf: (item: Item) => string
  remembered: (item: Item) => Value | undefined
  ask: (item: Item) => Promise<Value | undefined>
}

/** Asks at once for all that is not remembered; items without an answer are absent. */
async function together<Item, Value> (
  items: readonly Item[], { keyOf, remembered, ask }: Source<Item, Value>
): Promise<Map<string, Value>> {
  const answers = new Map<string, Value>()
  const unknown: Item[] = []
  for (const item of items) {
    const value = remembered(item)
    if (value === undefined) unknown.push(item)
    else answers.set(keyOf(item), value)
  }
  // Most often there is nothing to wait for.
  if (unknown.length === 0) return answers
  await Promise.all(unknown.map(async (item) => {
    const value = await ask(item)
    if (value !== undefined) answers.set(keyOf(item), value)
  }))
  return answers
}
