import { stringify } from 'csv-stringify/sync'
import type { Static } from '@sinclair/typebox'
import type { EventView, Party } from '../../schemas/http/events.ts'

type Shown = Static<typeof Party>
type Cell = (event: EventView) => unknown

/**
 * The columns, in order: part of the format, so they are only ever added to, at the end. A cell
 * holds text as it is and everything else as JSON; a value that is hidden is JSON that says why.
 */
const COLUMNS: Readonly<Record<string, Cell>> = {
  position: ({ position }) => position,
  id: ({ id }) => id,
  recordedAt: ({ recordedAt }) => recordedAt,
  occurredAt: ({ occurredAt }) => occurredAt,
  action: ({ action }) => action,
  category: ({ category }) => category,
  outcome: ({ outcome }) => outcome,
  source: ({ source }) => source,
  actorType: ({ actor }) => actor.type,
  actorId: ({ actor }) => actor.id,
  actorName: ({ actor }) => actor.name,
  actorEmail: ({ actor }) => actor.email,
  actorHidden: ({ actor }) => whyHidden(actor),
  entityType: ({ entity }) => entity?.type,
  entityId: ({ entity }) => entity?.id,
  entityName: ({ entity }) => entity?.name,
  entityHidden: ({ entity }) => entity && whyHidden(entity),
  related: ({ related }) => related,
  description: ({ description }) => description,
  tags: ({ tags }) => tags,
  ip: ({ context }) => context?.['ip'],
  userAgent: ({ context }) => context?.['userAgent'],
  sessionId: ({ context }) => context?.['sessionId'],
  requestId: ({ context }) => context?.['requestId'],
  traceparent: ({ context }) => context?.['traceparent'],
  correlationId: ({ correlationId }) => correlationId,
  causationId: ({ causationId }) => causationId,
  before: ({ before }) => before,
  after: ({ after }) => after,
  changes: ({ changes }) => changes,
  data: ({ data }) => data,
  stream: ({ stream }) => stream,
  revision: ({ revision }) => revision,
  leafHash: ({ leafHash }) => leafHash
}

const CELLS = Object.values(COLUMNS)

/** The first record: the names of the columns. RFC 4180 section 2, header=present. */
export const CSV_HEADER = `${Object.keys(COLUMNS).join()}\r\n`

/**
 * Records of events, RFC 4180: CRLF, quoted where it has to be. A cell that a spreadsheet would
 * take for a formula begins with an apostrophe (OWASP ASVS 5.0, 1.2.10): one that starts with
 * `=`, `+`, `-`, `@`, tab, carriage return or NUL, or with a full-width form of the first four.
 */
export function csvRecords (events: readonly EventView[]): string {
  return stringify(events.map((event) => CELLS.map((cell) => textOf(cell(event)))), {
    record_delimiter: 'windows', escape_formulas: true, quoted_match: /[\r\n]/
  })
}

/** Absent is an empty cell; the library knows all first characters but NUL. */
function textOf (value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value !== 'string') return JSON.stringify(value)
  return value.startsWith('\u0000') ? `'${value}` : value
}

function whyHidden ({ sealed, erased, tampered }: Shown): string | undefined {
  if (erased === true) return 'erased'
  if (sealed === true) return 'sealed'
  return tampered === true ? 'tampered' : undefined
}
