import { Type, type Static, type TSchema } from '@sinclair/typebox'
import {
  Action, Actor, Change, CHANGES_MAX, Context, DESCRIPTION_MAX_LENGTH, EntityRef, Identifier,
  Outcome, Personal, PERSONAL_MAX, RELATED_MAX, TAG_MAX_LENGTH, TAGS_MAX, Timestamp, Uuid,
  type Category
} from '../primitives.ts'
import { AccessData } from './access.ts'
import { ActionData } from './action.ts'
import { ApiData } from './api.ts'
import { AuthData } from './auth.ts'
import { ChangeData } from './change.ts'
import { ExternalData } from './external.ts'
import { SystemData } from './system.ts'
import { TaskData } from './task.ts'

/** Category -> schema of its data. The only list of them: a missing one does not compile. */
export const CATEGORY_DATA = {
  action: ActionData,
  auth: AuthData,
  change: ChangeData,
  access: AccessData,
  api: ApiData,
  external: ExternalData,
  system: SystemData,
  task: TaskData
} satisfies Record<Category, TSchema>

export const CATEGORIES = Object.keys(CATEGORY_DATA) as Category[]

const eventOf = <C extends Category>(category: C) => Type.Object({
  id: Type.Optional(Uuid),
  action: Action,
  category: Type.Literal(category),
  actor: Actor,
  entity: Type.Optional(EntityRef),
  related: Type.Optional(Type.Array(EntityRef, { maxItems: RELATED_MAX })),
  outcome: Outcome,
  occurredAt: Type.Optional(Timestamp),
  description: Type.Optional(Type.String({ maxLength: DESCRIPTION_MAX_LENGTH })),
  tags: Type.Optional(Type.Array(
    Type.String({ minLength: 1, maxLength: TAG_MAX_LENGTH }), { maxItems: TAGS_MAX }
  )),
  context: Type.Optional(Context),
  before: Type.Optional(Type.Unknown()),
  after: Type.Optional(Type.Unknown()),
  changes: Type.Optional(Type.Array(Change, { maxItems: CHANGES_MAX })),
  data: Type.Optional(CATEGORY_DATA[category]),
  personal: Type.Optional(Type.Array(Personal, { maxItems: PERSONAL_MAX })),
  correlationId: Type.Optional(Identifier),
  causationId: Type.Optional(Identifier)
}, { additionalProperties: false, title: `${category} event` })

/** Category -> schema of a whole event as a producer sends it. */
export const EVENT_SCHEMAS = {
  action: eventOf('action'),
  auth: eventOf('auth'),
  change: eventOf('change'),
  access: eventOf('access'),
  api: eventOf('api'),
  external: eventOf('external'),
  system: eventOf('system'),
  task: eventOf('task')
} satisfies Record<Category, TSchema>

/** An event as a producer sends it, of any category. */
export const EventInput = Type.Union(Object.values(EVENT_SCHEMAS), { title: 'Event' })

/** The same as a type; the category's own fields are checked at run time, where they arrive. */
export interface EventInput extends Omit<Static<typeof EVENT_SCHEMAS.action>, 'category' | 'data'> {
  category: Category
  data?: Record<string, unknown>
}
