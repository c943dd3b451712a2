import { Type, type Static } from '@sinclair/typebox'
import { Int64, Timestamp } from '../primitives.ts'

const Position = Type.Union([Int64, Type.Null()])

/** A generation of a read model's tables. */
export const ProjectionView = Type.Object({
  name: Type.String(),
  version: Type.Integer(),
  generation: Type.Integer(),
  state: Type.Union([Type.Literal('live'), Type.Literal('building')], {
    description: 'building: filled beside the live one, which it will replace'
  }),
  position: Type.Union([Int64, Type.Null()], { description: 'null: before the first event' }),
  lag: Type.Union([Int64, Type.Null()], {
    description: 'Distance to the head of the log in positions, null if the log does not answer'
  }),
  events: Type.Integer(),
  updatedAt: Timestamp
}, { title: 'Projection' })
export type ProjectionView = Static<typeof ProjectionView>

export const WorkerView = Type.Object({
  state: Type.String({
    description: 'As the worker said last; log-regression: the log lost events'
  }),
  reason: Type.Optional(Type.String({ description: 'What is wrong, if something is' })),
  updatedAt: Timestamp,
  silentSeconds: Type.Number({ description: 'Since the worker last said anything' })
}, { title: 'Worker' })
export type WorkerView = Static<typeof WorkerView>

export const ProjectionList = Type.Object({
  items: Type.Array(ProjectionView),
  head: Position,
  parked: Type.Integer({ description: 'Events of the log that no projection could take' }),
  worker: WorkerView
})
