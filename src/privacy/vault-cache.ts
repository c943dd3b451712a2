import type { SubjectRef } from '../../schemas/primitives.ts'
import type { SubjectKey } from './cipher.ts'
import { createKeyCache, type KeyCacheOptions } from './key-cache.ts'
import { subjectKey } from './personal.ts'

/** A key, and the closed refs of the same subject. */
type Answer = SubjectKey & { others?: readonly string[] }

/** What the vault answered lately, and the rules by which it is forgotten. */
export interface VaultCache {
  bySubject (tenant: string, subject: SubjectRef): Answer | undefined
  byRef (tenant: string, ref: string): Buffer | undefined
  /** To be read before the vault is asked, and handed to `remember` with the answer. */
  generation (): number
  /** `subject` is left out where only the ref is known, and where nothing more may be sealed. */
  remember (
    answer: { tenant: string, key: Answer, subject?: SubjectRef }, generation: number
  ): void
  /** Lets go of what is too old: keys, and the ids by which they were asked for. */
  expire (): void
  /** Whatever removes a row says so on a channel: from `onUp` to `onDown` it is heard. */
  onUp (): void
  onDown (): void
  /** A JSON array of tenant and ref; anything else means every row. */
  onNotification (payload: string): void
}

/** Remembers nothing until `onUp`: without a channel nobody would say what to forget. */
export function createVaultCache (options: KeyCacheOptions): VaultCache {
  // A subject leads to a ref, and only the ref to a key: to forget that key is to forget both.
  const refs = createKeyCache<Omit<Answer, 'dataKey'>>(options)
  const dataKeys = createKeyCache<{ dataKey: Buffer, sealable: boolean }>(options)
  let generation = 0
  let listening = false

  function forget (refKey?: string): void {
    generation++
    if (refKey !== undefined) {
      dataKeys.delete(refKey)
      return
    }
    dataKeys.clear()
    refs.clear()
  }

  const byRef = (tenant: string, ref: string): Buffer | undefined =>
    dataKeys.get(refKeyOf(tenant, ref))?.dataKey

  return {
    byRef,
    bySubject (tenant, subject) {
      const named = refs.get(refKeyOf(tenant, subjectKey(subject)))
      const known = named === undefined ? undefined : dataKeys.get(refKeyOf(tenant, named.ref))
      // A key that was asked for by its ref may be good for opening only.
      if (named === undefined || known?.sealable !== true) return undefined
      return { ...named, dataKey: known.dataKey }
    },
    generation: () => generation,
    remember ({ tenant, key, subject }, seen) {
      // What was read before a row went may be that very row: kept, it would outlive its erasure.
      if (!listening || seen !== generation) return
      const sealable = subject !== undefined
      dataKeys.set(refKeyOf(tenant, key.ref), { dataKey: key.dataKey, sealable })
      if (subject === undefined) return
      const { ref, others } = key
      refs.set(refKeyOf(tenant, subjectKey(subject)), others ? { ref, others } : { ref })
    },
    expire () {
      refs.expire()
      dataKeys.expire()
    },
    onUp () {
      forget()
      listening = true
    },
    onDown () {
      listening = false
      forget()
    },
    onNotification (payload) { forget(removedRow(payload)) }
  }
}

function refKeyOf (tenant: string, ref: string): string {
  return `${tenant} ${ref}`
}

function removedRow (payload: string): string | undefined {
  try {
    const [tenant, ref]: unknown[] = JSON.parse(payload)
    return typeof tenant === 'string' && typeof ref === 'string'
      ? refKeyOf(tenant, ref)
      : undefined
  } catch {
    return undefined
  }
}
