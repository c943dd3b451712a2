import type { EventFilter } from '../../../projections/entries/queries.ts'
import type { ExportRecord } from '../../../projections/exports/queries.ts'
import type { ExportFormat, RecordedFilter } from '../../../schemas/events/export.ts'
import { LedgerError } from '../../errors.ts'

/**
 * What an export shows: the same scope gives the same bytes as long as nobody
 * is erased and no row is removed.
 */
export interface ExportScope {
  tenant: string
  format: ExportFormat
  filter: EventFilter
  /** Events up to this position; of a bundle, the position of its checkpoint. */
  upTo: bigint
  /** Of a bundle: the size of an earlier signed tree that it shows to be continued. */
  continues?: bigint | undefined
}

/** The scope of an export that is on record. */
export function scopeOf (
  tenant: string,
  { format, filters, upTo, continues }:
  Pick<ExportRecord, 'format' | 'filters' | 'upTo' | 'continues'>
): ExportScope {
  return { tenant, format, filter: filters as EventFilter, upTo, continues: continues ?? undefined }
}

/** What a pass over an export's content is told, and tells. */
export interface Pass {
  /** How many changes the content shall reflect; any other number breaks the pass off. */
  changes: number
  /** Told of every page: how many events it has, and how much of everything is done (0 to 1). */
  onPage: (events: number, share: number) => void
  /** Asked before every page; throws when the pass shall end. */
  requireGo: () => Promise<void> | void
}

/** Whether the pass broke off because an erasure or a retention run changed what it shows. */
export class ContentChanged extends LedgerError {
  constructor () {
    super('EXPORT_NOT_READY', 'what the export shows has changed', { retryAfterS: 1 })
  }
}

/**
 * A filter as it may be put on record, if it has let an event pass: whatever it names is in the
 * log then, persons by their refs. Of a sealed address or session, only the tags are kept.
 */
export function recordedFilter (filter: EventFilter): RecordedFilter {
  const { ip, session } = filter
  const kept = { ...filter, ip: ip && tagsOf(ip), session: session && tagsOf(session) }
  return Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined))
}

/** The clear value comes first, and alone where nobody is named whose tag there could be. */
function tagsOf (needles: readonly string[]): readonly string[] {
  return needles.length === 1 ? needles : needles.slice(1)
}
