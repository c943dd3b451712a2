import { Type, type Static } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { checkEvent, checkEventBytes, type DoorAnswer } from './door.ts'
import type { EventInput } from './events/index.ts'
import { explain } from './explain.ts'
import type { Violation } from './pointer.ts'
import { Action, ID_MAX_LENGTH, Timestamp } from './primitives.ts'
import { parseStrictJson } from './strict-json.ts'

const Text = Type.String({ minLength: 1, maxLength: 1_024 })

/** CloudEvents 1.0 in the JSON format: an envelope whose data is an event of the ledger. */
export const CloudEvent = Type.Object({
  specversion: Type.Literal('1.0'),
  id: Type.String({
    minLength: 1,
    maxLength: ID_MAX_LENGTH,
    description: 'A UUID is the event\'s id; any other makes one with its source, always the same'
  }),
  source: Text,
  type: { ...Action, description: 'The event\'s action' },
  time: Type.Optional({ ...Timestamp, description: 'The event\'s occurredAt' }),
  subject: Type.Optional(Text),
  dataschema: Type.Optional(Text),
  datacontenttype: Type.Optional(Type.String({
    pattern: '^application/([a-z0-9.-]+\\+)?json(; ?charset=utf-8)?$',
    maxLength: 128,
    description: 'JSON'
  })),
  data: Type.Object({}, {
    additionalProperties: true,
    description: 'The event; id, action and occurredAt are said by the envelope'
  })
}, {
  additionalProperties: Type.Union([Type.String(), Type.Boolean(), Type.Integer()]),
  title: 'CloudEvent'
})
export type CloudEvent = Static<typeof CloudEvent>

/** The member of an event's data that keeps the envelope it came in. */
export const ENVELOPE = 'cloudEvent'

const CHECK = TypeCompiler.Compile(CloudEvent)
/** Attribute names of CloudEvents 1.0 section 3.1. */
const NAME = /^[a-z0-9]+$/
/** Members of the event that the envelope says, and as what. */
const SAID = [['id', 'id'], ['action', 'type'], ['occurredAt', 'time']] as const

/** An event, and by which source and id its producer knows it; or why there is none. */
export type CloudEventAnswer =
  | { ok: true, event: EventInput, origin: { source: string, id: string } }
  | Extract<DoorAnswer, { ok: false }>

/**
 * The event in one CloudEvent, or everything that is wrong with that, by JSON Pointers into the
 * CloudEvent. Its type is the action, its time occurredAt; the event has no id yet. Every
 * attribute is kept in the event's data, for nothing that was sent is dropped.
 */
export function takeCloudEvent (bytes: Buffer): CloudEventAnswer {
  const tooLong = checkEventBytes(bytes.length)
  if (tooLong.length > 0) return { ok: false, code: 'EVENT_TOO_LARGE', violations: tooLong }
  const parsed = parseStrictJson(bytes)
  if (!parsed.ok) return { ok: false, code: 'INVALID_JSON', violations: parsed.violations }
  const envelope = withoutNulls(parsed.value)
  if (!CHECK.Check(envelope)) return refused(explain(CHECK.Errors(envelope)))
  const faults = [...nameFaults(envelope), ...dataFaults(envelope)]
  if (faults.length > 0) return refused(faults)
  const event = eventIn(envelope)
  const violations = checkEvent(event).map(({ pointer, detail }) => (
    { pointer: pointerInto(pointer), detail }))
  if (violations.length > 0) return refused(violations)
  const { source, id } = envelope
  return { ok: true, event: event as EventInput, origin: { source, id } }
}

function refused (violations: Violation[]): CloudEventAnswer {
  return { ok: false, code: 'INVALID_EVENT', violations }
}

/** An attribute that is null is not there (CloudEvents JSON format section 2.2). */
function withoutNulls (value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null))
}

function nameFaults (envelope: CloudEvent): Violation[] {
  return Object.keys(envelope).filter((name) => !NAME.test(name)).map((name) => ({
    pointer: `/${name}`, detail: 'is not the name of an attribute: a-z and 0-9 only'
  }))
}

/** What the event says itself must be what its envelope says. */
function dataFaults ({ data, ...envelope }: CloudEvent): Violation[] {
  const said = SAID.flatMap(([member, attribute]) => {
    const own: unknown = Reflect.get(data, member)
    return own === undefined || own === envelope[attribute]
      ? []
      : [{ pointer: `/data/${member}`, detail: `is not the ${attribute} of the CloudEvent` }]
  })
  const inner: unknown = Reflect.get(data, 'data')
  const taken = typeof inner === 'object' && inner !== null && Object.hasOwn(inner, ENVELOPE)
  return taken
    ? [...said, { pointer: `/data/data/${ENVELOPE}`, detail: 'is where the envelope is kept' }]
    : said
}

function eventIn ({ data, ...envelope }: CloudEvent): unknown {
  const { id: _, data: inner, ...members }: Record<string, unknown> = data
  const isObject = typeof inner === 'object' && inner !== null && !Array.isArray(inner)
  return {
    ...members,
    action: envelope.type,
    ...envelope.time !== undefined && { occurredAt: envelope.time },
    // What is no object is refused as such, where it stands.
    data: inner === undefined || isObject ? { ...inner, [ENVELOPE]: envelope } : inner
  }
}

/** Where in the CloudEvent it stands what stands there in the event. */
function pointerInto (pointer: string): string {
  if (pointer === '/action') return '/type'
  return pointer === '/occurredAt' ? '/time' : `/data${pointer}`
}
