import { TypeCompiler } from '@sinclair/typebox/compiler'
import { LedgerError } from '../errors.ts'
import { leafHash } from '../proof/leaf.ts'
import type { SubjectKey } from '../privacy/cipher.ts'
import { subjectKey, type PersonalPart } from '../privacy/personal.ts'
import { sealRecord, type PlainRecord } from '../privacy/seal.ts'
import type { EventInput } from '../../schemas/events/index.ts'
import { Action, LEAF_MAX_BYTES, Tenant, Uuid } from '../../schemas/primitives.ts'
import {
  RECORD_VERSION, RecordedData, type DecodedEvent, type Recorded
} from '../../schemas/recorded.ts'
import { canonicalText } from './canonical.ts'
import type { LogEvent } from './log.ts'
import { parseStream, streamOf } from './streams.ts'

/** The largest revision, for measuring leaf data before the revision is known. */
const REVISION_MAX = (2n ** 63n) - 1n

const dataCheck = TypeCompiler.Compile(RecordedData)
const actionCheck = TypeCompiler.Compile(Action)
const tenantCheck = TypeCompiler.Compile(Tenant)
const uuidCheck = TypeCompiler.Compile(Uuid)

/** Who sends events and what was decided about them before they are encoded. */
export interface EncodeOptions {
  event: EventInput
  tenant: string
  source: string
  id: string
  /** RFC 3339 in UTC: the ledger's own clock. */
  recordedAt: string
  /** What personalParts found in the event. */
  parts: readonly PersonalPart[]
  /** subjectKey -> key, for every subject of the parts. */
  keys: ReadonlyMap<string, SubjectKey>
}

/** An event ready to be appended to its stream. */
export interface Encoded {
  stream: string
  recordedAt: string
  event: LogEvent & { json: string }
  /** Bytes of the data, which is what the log's limit on an append counts. */
  bytes: number
}

/**
 * The record of an event before sealing. Members appear only where they were sent, except
 * `occurredAt`, which is `recordedAt` where the producer does not say.
 */
export function plainRecord (
  event: EventInput, { tenant, source, recordedAt }: Omit<EncodeOptions, 'event' | 'parts' | 'keys'>
): PlainRecord {
  const { entity, related, description, tags, before, after, changes, data, context } = event
  return {
    v: RECORD_VERSION,
    tenant,
    category: event.category,
    outcome: event.outcome,
    occurredAt: event.occurredAt ?? recordedAt,
    recordedAt,
    source,
    actor: event.actor,
    ...(entity !== undefined && { entity }),
    ...(related !== undefined && { related }),
    ...(description !== undefined && { description }),
    ...(tags !== undefined && { tags }),
    ...(before !== undefined && { before }),
    ...(after !== undefined && { after }),
    ...(changes !== undefined && { changes }),
    ...(data !== undefined && { data }),
    ...(context !== undefined && { context: { ...context } })
  }
}

/**
 * The stream an event will live in, before it is sealed: sections are bound to their stream.
 * The keys hold at least the subjects of the ids of entity and actor.
 */
export function streamFor (
  { event, tenant, source, parts, keys }: Omit<EncodeOptions, 'id' | 'recordedAt'>
): string {
  const named = <P extends { type: string, id?: string }>(party: P, path: string): P => {
    const owner = parts.find(({ paths }) => paths.includes(path))
    const ref = owner && keys.get(subjectKey(owner.subject))?.ref
    return ref === undefined ? party : { ...party, id: ref }
  }
  return streamOf({
    tenant,
    source,
    actor: named(event.actor, '/actor/id'),
    ...(event.entity && { entity: named(event.entity, '/entity/id') })
  })
}

/**
 * Seals a checked event and writes it down as the log keeps it. The data is RFC 8785 canonical
 * JSON, members in that order: what the log stores is, byte for byte, what the leaf contains.
 * Throws EVENT_TOO_LARGE when the leaf data would pass LEAF_MAX_BYTES at the largest revision,
 * INVALID_EVENT when the record could not be read back.
 */
export function encode (options: EncodeOptions): Encoded {
  const { event, parts, keys, id, recordedAt } = options
  const stream = streamFor(options)
  const data = sealRecord({ record: plainRecord(event, options), parts, keys, stream, id })
  // The door has checked the event; only a declared path can take away what a record needs.
  if (event.personal && !(dataCheck.Check(data) && streamOf(data) === stream)) {
    throw new LedgerError('INVALID_EVENT', `event ${id}: ${whyNot(data)}`)
  }
  const json = canonicalText(data)
  const logEvent = { id, type: event.action, data, json, ...metadataOf(event) }
  const bytes = Buffer.byteLength(json)
  const size = bytes + Buffer.byteLength(
    leafText({ ...logEvent, json: '', stream, revision: REVISION_MAX }))
  if (size > LEAF_MAX_BYTES) {
    throw new LedgerError('EVENT_TOO_LARGE',
      `event ${id}: its record has ${size} bytes, more than ${LEAF_MAX_BYTES}`)
  }
  return { stream, recordedAt, event: logEvent, bytes }
}

/** The leaf hash of an encoded event, once its revision is known. */
export function encodedLeafHash ({ event, stream }: Encoded, revision: bigint): Buffer {
  return leafHash(leafText({ ...event, stream, revision }))
}

/** Whether a recorded event is this very one: same id, same data to the last byte. */
export function isExactly (recorded: Recorded, { event }: Encoded): boolean {
  try {
    return recorded.id === event.id &&
      (recorded.json ?? canonicalText(recorded.data)) === event.json
  } catch {
    return false
  }
}

/** What leafData of src/proof makes, from data that is canonical text. Members as in RFC 8785. */
function leafText (
  leaf: { json: string, id: string, stream: string, revision: bigint, type: string }
): string {
  return `{"data":${leaf.json},"id":${JSON.stringify(leaf.id)},"revision":"${leaf.revision}",` +
    `"stream":${JSON.stringify(leaf.stream)},"type":${JSON.stringify(leaf.type)}}`
}

function metadataOf ({ correlationId, causationId }: EventInput): Pick<LogEvent, 'metadata'> {
  if (correlationId === undefined && causationId === undefined) return {}
  return {
    metadata: {
      ...(correlationId !== undefined && { $correlationId: correlationId }),
      ...(causationId !== undefined && { $causationId: causationId })
    }
  }
}

/**
 * Why an event of the log is not one of ours: another program's (FOREIGN_EVENT), of a version that
 * this one does not know (UNKNOWN_VERSION), or in our place and form but wrong (MALFORMED).
 */
export type DecodeFailure = 'FOREIGN_EVENT' | 'UNKNOWN_VERSION' | 'MALFORMED'

export type Decoded =
  | { ok: true, event: DecodedEvent }
  | { ok: false, code: DecodeFailure, reason: string }

/**
 * Checks an event of the log and computes its leaf hash over the data exactly as the log returned
 * it. Never throws: whatever is wrong is an answer, with a reason that quotes no values.
 */
export function decode (recorded: Recorded): Decoded {
  const { data, stream, type } = recorded
  const key = parseStream(stream)
  if (key === undefined || !tenantCheck.Check(key.tenant)) {
    return failed('FOREIGN_EVENT', 'the stream is not one of this ledger')
  }
  if (typeof data !== 'object' || data === null || !('v' in data)) {
    return failed('FOREIGN_EVENT', 'the data is not a record of this ledger')
  }
  if (data.v !== RECORD_VERSION) {
    return failed('UNKNOWN_VERSION', `this program reads version ${RECORD_VERSION} only`)
  }
  if (!dataCheck.Check(data)) return failed('MALFORMED', whyNot(data))
  if (!actionCheck.Check(type)) return failed('MALFORMED', 'the event type is not an action')
  if (!uuidCheck.Check(recorded.id)) return failed('MALFORMED', 'the id is not a UUID')
  if (data.tenant !== key.tenant) return failed('MALFORMED', 'the stream is another tenant\'s')
  if (streamOf(data) !== stream) return failed('MALFORMED', 'the stream is another entity\'s')
  return decoded(recorded, data)
}

function decoded (recorded: Recorded, data: RecordedData): Decoded {
  const { id, stream, revision, position, prepare, type: action, metadata } = recorded
  try {
    const hash = leafHash(leafText({ ...recorded, json: canonicalText(data) }))
    const correlationId = metadataText(metadata, '$correlationId')
    const causationId = metadataText(metadata, '$causationId')
    return {
      ok: true,
      event: {
        id,
        stream,
        revision,
        position,
        prepare,
        action,
        data,
        correlationId,
        causationId,
        leafHash: hash
      }
    }
  } catch {
    return failed('MALFORMED', 'the data has no canonical form')
  }
}

function failed (code: DecodeFailure, reason: string): Decoded {
  return { ok: false, code, reason }
}

function whyNot (data: unknown): string {
  const error = dataCheck.Errors(data).First()
  return error ? `${error.path}: ${error.message}` : 'the stream is another entity\'s'
}

function metadataText (metadata: unknown, name: string): string | undefined {
  if (typeof metadata !== 'object' || metadata === null) return undefined
  const value: unknown = Reflect.get(metadata, name)
  return typeof value === 'string' ? value : undefined
}
