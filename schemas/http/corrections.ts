import { Type, type Static } from '@sinclair/typebox'
import { EVENT_SCHEMAS } from '../events/index.ts'
import { DESCRIPTION_MAX_LENGTH, Outcome, Uuid } from '../primitives.ts'

/** Corrections that one event shows; the newest count. */
export const CORRECTIONS_SHOWN = 50

export const CorrectionKind = Type.Union([
  Type.Literal('supersedes', { description: 'It was wrong: this is how it was' }),
  Type.Literal('annotates', { description: 'It stands, and this is to be known about it' })
])
export type CorrectionKind = Static<typeof CorrectionKind>

const { id, actor, occurredAt, description, tags, context, before, after, changes, personal } =
  EVENT_SCHEMAS.action.properties

/** What replaces or explains an event. Its entity and related entities stay. */
export const CorrectionInput = Type.Object({
  corrects: { ...Uuid, description: 'Id of the event' },
  kind: CorrectionKind,
  reason: Type.String({ minLength: 1, maxLength: DESCRIPTION_MAX_LENGTH }),
  id,
  actor,
  outcome: Type.Optional(Outcome),
  occurredAt,
  description,
  tags,
  context,
  before,
  after,
  changes,
  data: Type.Optional(Type.Object({}, { additionalProperties: true })),
  personal
}, { additionalProperties: false, title: 'Correction' })
export type CorrectionInput = Static<typeof CorrectionInput>
