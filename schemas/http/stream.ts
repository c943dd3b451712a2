import { Type } from '@sinclair/typebox'
import { Int64 } from '../primitives.ts'
import { EventsQuery } from './events.ts'

/** A stream that is asked to end goes on so long at most. */
export const STREAM_SECONDS_MAX = 3_600

export const StreamEventsQuery = Type.Object({
  ...Type.Omit(EventsQuery, ['limit', 'cursor', 'count', 'render']).properties,
  after: Type.Optional({ ...Int64, description: 'Position to go on after, as Last-Event-ID' }),
  seconds: Type.Optional(Type.Integer({
    minimum: 0,
    maximum: STREAM_SECONDS_MAX,
    description: 'End after so long, with 0 as soon as everything there is was sent'
  }))
}, { additionalProperties: false })

export const StreamHeaders = Type.Object({
  'last-event-id': Type.Optional({
    ...Int64, description: 'Position of the last event that was received'
  })
})
