import { Type, type Static } from '@sinclair/typebox'
import { ExportFormat, RecordedFilter, Sha256 } from '../events/export.ts'
import { Int64, nullable, Timestamp, Uuid } from '../primitives.ts'
import { ByKey } from './erasures.ts'
import { EventsQuery } from './events.ts'
import { pageOf, Paging } from './paging.ts'

/** An export can be downloaded so long if the request does not say. */
export const EXPORT_DAYS = 7
export const EXPORT_DAYS_MAX = 30
/** Exports of a tenant that are neither deleted nor past their time. */
export const EXPORTS_KEPT_MAX = 100
/** Exports of a tenant that one process prepares or sends at once. */
export const EXPORTS_AT_ONCE_MAX = 4

/** The filters of `GET /v1/events`, all of them and no others. */
export const ExportFilters = Type.Omit(EventsQuery, ['limit', 'cursor', 'count', 'render'])

export const CreateExport = Type.Composite([
  Type.Object({
    format: ExportFormat,
    upTo: Type.Optional({
      ...Int64,
      description: 'Events up to this position, and for a bundle the last checkpoint up to it; ' +
        'left out: what reads show now. With the upTo of an earlier export, the same bytes again'
    }),
    continues: Type.Optional({
      ...Int64,
      description: 'Of a bundle: the size of an earlier checkpoint, which it shows the tree to ' +
        'continue'
    }),
    days: Type.Optional(Type.Integer({
      minimum: 1,
      maximum: EXPORT_DAYS_MAX,
      description: `How long it can be downloaded; ${EXPORT_DAYS} if left out`
    }))
  }),
  ExportFilters
], { additionalProperties: false })
export type CreateExport = Static<typeof CreateExport>

export const ExportState = Type.Union([
  Type.Literal('preparing'), Type.Literal('ready'), Type.Literal('failed'),
  Type.Literal('expired'), Type.Literal('deleted')
], {
  description: 'preparing: its size and digest are being found out, also again after an erasure ' +
    'changed what it shows; failed: that broke off and is tried again soon'
})
export type ExportState = Static<typeof ExportState>

/** An export: what it shows, who wanted it, how far it is, and what it came to. */
export const ExportView = Type.Object({
  id: Uuid,
  state: ExportState,
  progress: Type.Number({ minimum: 0, maximum: 1, description: 'How much of it is prepared' }),
  format: ExportFormat,
  filters: RecordedFilter,
  upTo: Int64,
  checkpoint: nullable({ ...Int64, description: 'Of a bundle: the size of its signed tree' }),
  continues: nullable({
    ...Int64, description: 'Of a bundle: the size of the earlier tree that it is shown to continue'
  }),
  events: nullable(Type.Integer({ description: 'How many it holds' })),
  bytes: nullable(Type.Integer()),
  sha256: nullable(Sha256),
  requestedAt: Timestamp,
  requestedBy: ByKey,
  preparedAt: nullable(Timestamp),
  expiresAt: Timestamp,
  downloads: Type.Integer({
    description: 'Requests for its bytes; those of one key within ten minutes of the first are ' +
      'told together, and counted then'
  }),
  downloadedAt: nullable(Timestamp),
  downloadedBy: Type.Array(ByKey)
}, { title: 'Export' })
export type ExportView = Static<typeof ExportView>

export const ExportParams = Type.Object({ id: Uuid })
export const ExportsQuery = Type.Object({ ...Paging }, { additionalProperties: false })
export const ExportPage = pageOf(ExportView)

/** RFC 9110 sections 13 and 14. */
export const DownloadHeaders = Type.Object({
  range: Type.Optional(Type.String({
    maxLength: 128, description: 'bytes=N-: goes on from byte N; one range at a time'
  })),
  'if-range': Type.Optional(Type.String({
    maxLength: 128, description: 'An ETag: with any other the whole of it is sent'
  })),
  'if-match': Type.Optional(Type.String({
    maxLength: 1_024, description: 'An ETag: with any other nothing is sent (412)'
  }))
})
