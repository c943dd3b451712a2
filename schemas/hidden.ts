import type { SealedSection } from './recorded.ts'

/** Stands where a person's value stood: nobody will read it again, and this is why. */
export interface ErasedValue {
  erased: true
  /** The erasure's id and when it was ordered; absent until the rows know of it. */
  erasure?: string
  erasedAt?: string
}

/** What the rows keep of a section whose person was erased: where its values stood. */
export interface ErasedSection {
  paths: readonly string[]
  erasure: string
  erasedAt: string
}

/** A section as the rows hold it. */
export type RowSection = SealedSection | ErasedSection

/** Whether nothing of the section is left to open. */
export function isErasedSection (section: RowSection): section is ErasedSection {
  return 'erasure' in section
}

/** What is shown in place of a value of such a section. */
export function erasedValue ({ erasure, erasedAt }: Omit<ErasedSection, 'paths'>): ErasedValue {
  return { erased: true, erasure, erasedAt }
}
