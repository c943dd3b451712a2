import { Type } from '@sinclair/typebox'
import { Uuid } from '../primitives.ts'
import { OffsetPaging, OffsetTotals } from './offset.ts'

export const ActivityLogsQuery = Type.Object(OffsetPaging, { additionalProperties: false })

/** Entries as Coequal shows them. */
export const ActivityLogs = Type.Object({
  items: Type.Array(Type.Object({
    id: Uuid,
    action: Type.String(),
    createdAt: Type.Integer({ description: 'Seconds since 1970' }),
    payload: Type.Unknown()
  })),
  ...OffsetTotals
}, { title: 'ActivityLogs' })
