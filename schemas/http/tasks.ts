import { Type, type Static } from '@sinclair/typebox'
import {
  ENTITY_TYPE_MAX_LENGTH, ID_MAX_LENGTH, Identifier, Int64, Timestamp
} from '../primitives.ts'
import { pageOf, Paging } from './paging.ts'

const Text = Type.String({ minLength: 1, maxLength: ID_MAX_LENGTH })

export const TasksQuery = Type.Object({
  type: Type.Optional({ ...Text, description: 'The task\'s own type, data.taskType' }),
  status: Type.Optional({ ...Text, description: 'The latest data.status' }),
  entity: Type.Optional(Type.String({
    pattern: '^[A-Za-z_][A-Za-z0-9_.-]*:.',
    maxLength: ENTITY_TYPE_MAX_LENGTH + 1 + ID_MAX_LENGTH,
    description: 'One task: type:id'
  })),
  ...Paging
}, { additionalProperties: false })

/** A person is named by the ref that stands for them in the log. */
const Named = Type.Object({
  type: Type.String(),
  id: Type.Optional(Identifier),
  ref: Type.Optional(Type.String())
})

/** A task as its latest events leave it. */
export const TaskView = Type.Object({
  entity: Named,
  type: Type.Union([Type.String(), Type.Null()]),
  status: Type.Union([Type.String(), Type.Null()]),
  title: Type.Union([Type.String(), Type.Null()]),
  actor: Named,
  events: Type.Integer(),
  createdAt: Timestamp,
  updatedAt: Timestamp,
  firstPosition: Int64,
  lastPosition: Int64,
  history: Type.String({ description: 'Where its events are: the trail of its entity' })
}, { title: 'Task' })
export type TaskView = Static<typeof TaskView>

export const TaskPage = pageOf(TaskView)
