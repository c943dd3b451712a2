import { randomBytes, randomUUID } from 'node:crypto'
import type { SubjectKey } from '../../src/privacy/cipher.ts'
import { subjectKey } from '../../src/privacy/personal.ts'
import type { Vault } from '../../src/privacy/vault.ts'

export interface MemoryVault extends Pick<Vault, 'provision' | 'keys' | 'find'> {
  /** Destroys every key, as the erasure of every person would. */
  eraseAll (): void
}

/** A vault that forgets everything with the process. */
export function memoryVault (): MemoryVault {
  const subjects = new Map<string, SubjectKey>()
  return {
    async provision (tenant, wanted) {
      return new Map(wanted.map((subject) => {
        const key = subjectKey(subject)
        const place = `${tenant} ${key}`
        const known = subjects.get(place) ?? { ref: randomUUID(), dataKey: randomBytes(32) }
        subjects.set(place, known)
        return [key, known]
      }))
    },
    find: async (tenant, subject) => subjects.get(`${tenant} ${subjectKey(subject)}`),
    async keys (tenant, refs) {
      const found = [...subjects].filter(([place, { ref }]) =>
        place.startsWith(tenant + ' ') && refs.includes(ref))
      return new Map(found.map(([, { ref, dataKey }]) => [ref, dataKey]))
    },
    eraseAll () { subjects.clear() }
  }
}
