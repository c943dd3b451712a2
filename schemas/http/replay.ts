import { Type } from '@sinclair/typebox'
import { Int64, Uuid } from '../primitives.ts'
import { Problem } from '../problem.ts'

/** An event exactly as the log holds it: what is personal is sealed. */
export const ReplayedEvent = Type.Object({
  id: Uuid,
  stream: Type.String(),
  revision: Int64,
  position: Int64,
  type: Type.String(),
  data: Type.Unknown(),
  metadata: Type.Optional(Type.Unknown())
}, { title: 'ReplayedEvent' })

/** The last line. Without it, the answer broke off. */
export const ReplayEnd = Type.Object({
  end: Type.Literal(true),
  complete: Type.Boolean({ description: 'Everything up to the bound was sent' }),
  events: Type.Integer({ description: 'Lines before this one' }),
  resume: Type.Optional(Type.String({
    description: 'The query that goes on after the last event'
  })),
  problem: Type.Optional(Problem)
}, { title: 'ReplayEnd' })

export const ReplayLine = Type.Union([ReplayedEvent, ReplayEnd])

export const StreamParams = Type.Object({ stream: Type.String({ minLength: 1 }) })

export const StreamQuery = Type.Object({
  from: Type.Optional({ ...Int64, description: 'First revision; the first there is if left out' }),
  until: Type.Optional({ ...Int64, description: 'Last revision; the last there is if left out' })
}, { additionalProperties: false })

export const ReplayQuery = Type.Object({
  after: Type.Optional({ ...Int64, description: 'Position of the last event that was received' }),
  until: Type.Optional({ ...Int64, description: 'Last position; the head of the log if left out' })
}, { additionalProperties: false })
