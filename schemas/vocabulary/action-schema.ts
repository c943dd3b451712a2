import { Type, type Static } from '@sinclair/typebox'
import { PERSONAL_PLACE, PERSONAL_PLACE_DETAIL } from '../event-rules.ts'
import { overlaps, type Violation } from '../pointer.ts'
import {
  Category, DESCRIPTION_MAX_LENGTH, EntityType, JsonPointer, PERSONAL_MAX, PERSONAL_PATHS_MAX,
  RESERVED_ENTITY_TYPE_PREFIX
} from '../primitives.ts'
import { schemaFaults, type DataSchema } from './data-schema.ts'
import { TEMPLATE_MAX_LENGTH, templateFaults } from './template.ts'

/** Which parts of an action's events are one person's data, and where the person's id stands. */
export const PersonalRule = Type.Object({
  subject: Type.Object({
    type: EntityType,
    id: { ...JsonPointer, description: 'Where the event says whose it is: /data/studentId' }
  }, { additionalProperties: false }),
  paths: Type.Array(JsonPointer, { minItems: 1, maxItems: PERSONAL_PATHS_MAX })
}, { additionalProperties: false })
export type PersonalRule = Static<typeof PersonalRule>

/** What there is to know about an action. */
export const ActionSchema = Type.Object({
  category: Category,
  description: Type.Optional(Type.String({ maxLength: DESCRIPTION_MAX_LENGTH })),
  data: Type.Optional(Type.Object({}, {
    additionalProperties: true,
    description: 'JSON Schema of the data: type, enum, properties, required, ' +
      'additionalProperties, items and bounds'
  })),
  personal: Type.Optional(Type.Array(PersonalRule, { maxItems: PERSONAL_MAX })),
  template: Type.Optional(Type.String({
    minLength: 1,
    maxLength: TEMPLATE_MAX_LENGTH,
    description: 'One line that says it: {actor} started grading {data.assignmentTitle}'
  }))
}, { additionalProperties: false, title: 'ActionSchema' })

/** The same as a type; that `data` is a schema is checked by actionSchemaFaults. */
export type ActionSchema = Omit<Static<typeof ActionSchema>, 'data'> & { data?: DataSchema }

/** What a schema of the schema cannot tell: whether data and template are what they are to be. */
export function actionSchemaFaults (schema: Static<typeof ActionSchema>): Violation[] {
  const { data, template, personal = [] } = schema
  return [
    ...personalFaults(personal),
    ...data === undefined ? [] : schemaFaults(data, '/data'),
    ...template === undefined ? [] : templateFaults(template, '/template')
  ]
}

/** A rule that no event could follow would have every event refused. */
function personalFaults (rules: readonly PersonalRule[]): Violation[] {
  const all = rules.flatMap(({ paths }) => paths)
  return rules.flatMap(({ subject, paths }, index) => [
    ...subject.type.startsWith(RESERVED_ENTITY_TYPE_PREFIX)
      ? [{ pointer: `/personal/${index}/subject/type`, detail: 'is of the ledger\'s own' }]
      : [],
    ...paths.flatMap((path, at) => {
      const pointer = `/personal/${index}/paths/${at}`
      if (!PERSONAL_PLACE.test(path)) return [{ pointer, detail: PERSONAL_PLACE_DETAIL }]
      const others = all.filter((other) => overlaps(path, other))
      return others.length > 1 ? [{ pointer, detail: `overlaps: ${others.join(', ')}` }] : []
    })
  ])
}
