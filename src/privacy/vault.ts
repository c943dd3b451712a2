import type { SubjectRef } from '../../schemas/primitives.ts'
import type { SubjectKey } from './cipher.ts'

/** The keys of persons. Whoever's row is destroyed is erased, wherever their data lies. */
export interface Vault {
  /** The keys of these subjects by subjectKey; who is new gets a ref and a key. */
  provision (tenant: string, subjects: readonly SubjectRef[]): Promise<Map<string, SubjectKey>>
  /** The key of a subject, undefined if the vault has none. Never makes one. */
  find (tenant: string, subject: SubjectRef): Promise<SubjectKey | undefined>
  /** Data keys by ref. Refs that the vault does not have (any more) are absent. */
  keys (tenant: string, refs: readonly string[]): Promise<Map<string, Buffer>>
  /** Stops listening and forgets every key. */
  close (): Promise<void>
}
