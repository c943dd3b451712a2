/** Requests of `event_store.client.streams`, decoded. Field numbers are those of streams.proto. */
import { ANY, NO_STREAM, STREAM_EXISTS, type Expected } from './append.ts'
import { readFields, readVarint64, WireError } from './protobuf.ts'
import type { ProposedEvent } from './recorded.ts'

/** Which events of `$all` a reader wants, by stream name or event type. */
export interface FilterOptions {
  readonly on: 'stream' | 'type'
  readonly regex?: string
  readonly prefixes: readonly string[]
}

/** Where an append, delete or tombstone goes. */
export interface Target {
  readonly stream: string
  readonly expected: Expected
  /** The wall clock time after which a batch append is not wanted any more, ms since 1970. */
  readonly deadlineMs: number
}

/** One message of an Append call: the target first, then one event each. */
export type AppendMessage = { readonly target: Target } | { readonly event: ProposedEvent }

/** One message of a BatchAppend call. */
export interface BatchAppendMessage {
  readonly correlationId: string
  readonly target: Target | undefined
  readonly events: readonly ProposedEvent[]
  readonly isFinal: boolean
  /** Why an event of it cannot be taken; the other appends of the call go on. */
  readonly problem: string | undefined
}

/** Where a read begins: a revision or position, or one of the ends. */
export type ReadFrom = number | 'start' | 'end'

export interface ReadRequest {
  /** Nothing means `$all`. */
  readonly stream: string | undefined
  readonly from: ReadFrom
  readonly backward: boolean
  readonly resolveLinks: boolean
  /** Nothing means a subscription. */
  readonly count: number | undefined
  readonly filter: FilterOptions | undefined
  /** How many events a filtered subscription looks at between two checkpoints. */
  readonly checkpointEvery: number
}

/** The real server looks at this many events at a time when the client names no window. */
export const DEFAULT_SEARCH_WINDOW = 32

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const NO_BYTES = Buffer.alloc(0)
/** The server knows two content types; every other one is bytes. */
const JSON_TYPE = 'application/json'
const BINARY_TYPE = 'application/octet-stream'

/** Decodes an `AppendReq`. */
export function decodeAppend (buffer: Buffer): AppendMessage {
  let message: AppendMessage | undefined
  readFields(buffer, 0, buffer.length, (field, _value, a, b) => {
    if (field === 1) message = { target: decodeTarget(buffer, a, b) }
    else if (field === 2) message = { event: decodeEvent(buffer, a, b) }
  })
  if (message === undefined) throw new WireError('append message has no content')
  return message
}

/** Decodes a `BatchAppendReq`. */
export function decodeBatchAppend (buffer: Buffer): BatchAppendMessage {
  let correlationId = ''
  let target: Target | undefined
  const events: ProposedEvent[] = []
  let isFinal = false
  let problem: string | undefined
  readFields(buffer, 0, buffer.length, (field, value, a, b) => {
    if (field === 1) correlationId = decodeUuid(buffer, a, b)
    else if (field === 2) target = decodeTarget(buffer, a, b)
    else if (field === 3) {
      try {
        events.push(decodeEvent(buffer, a, b))
      } catch (error) {
        problem = error instanceof Error ? error.message : String(error)
      }
    } else if (field === 4) isFinal = value !== 0
  })
  return { correlationId, target, events, isFinal, problem }
}

/** Decodes a `DeleteReq` or `TombstoneReq`. */
export function decodeRemove (buffer: Buffer): Target {
  let target: Target | undefined
  readFields(buffer, 0, buffer.length, (field, _value, a, b) => {
    if (field === 1) target = decodeTarget(buffer, a, b)
  })
  if (target === undefined) throw new WireError('options are missing')
  return target
}

/** Decodes a `ReadReq`. */
export function decodeRead (buffer: Buffer): ReadRequest {
  let request: ReadRequest | undefined
  readFields(buffer, 0, buffer.length, (field, _value, a, b) => {
    if (field === 1) request = decodeReadOptions(buffer, a, b)
  })
  if (request === undefined) throw new WireError('options are missing')
  return request
}

function decodeReadOptions (buffer: Buffer, start: number, end: number): ReadRequest {
  let stream: string | undefined
  let from: ReadFrom | undefined
  let backward = false
  let resolveLinks = false
  let count: number | undefined = 0
  let filtered: Pick<ReadRequest, 'filter' | 'checkpointEvery'> =
    { filter: undefined, checkpointEvery: DEFAULT_SEARCH_WINDOW }
  readFields(buffer, start, end, (field, value, a, b) => {
    if (field === 1) [stream, from] = decodeStreamOptions(buffer, a, b)
    else if (field === 2) from = decodeAllOptions(buffer, a, b)
    else if (field === 3) backward = value === 1
    else if (field === 4) resolveLinks = value !== 0
    else if (field === 5) count = value
    else if (field === 6) count = undefined
    else if (field === 7) filtered = decodeFilter(buffer, a, b)
    else if (field === 9) requireStringIds(buffer, a, b)
  })
  if (from === undefined) throw new WireError('neither a stream nor $all is asked for')
  return { stream, from, backward, resolveLinks, count, ...filtered }
}

function decodeStreamOptions (buffer: Buffer, start: number, end: number): [string, ReadFrom] {
  let stream = ''
  let from: ReadFrom = 'start'
  readFields(buffer, start, end, (field, value, a, b) => {
    if (field === 1) stream = decodeStreamName(buffer, a, b)
    else if (field === 2) from = value
    else if (field === 3) from = 'start'
    else if (field === 4) from = 'end'
  })
  return [stream, from]
}

function decodeAllOptions (buffer: Buffer, start: number, end: number): ReadFrom {
  let from: ReadFrom = 'start'
  readFields(buffer, start, end, (field, _value, a, b) => {
    if (field === 1) from = decodeCommitPosition(buffer, a, b)
    else if (field === 3) from = 'end'
  })
  return from
}

function decodeCommitPosition (buffer: Buffer, start: number, end: number): number {
  let position = 0
  readFields(buffer, start, end, (field, value) => { if (field === 1) position = value })
  return position
}

function decodeFilter (
  buffer: Buffer, start: number, end: number
): Pick<ReadRequest, 'filter' | 'checkpointEvery'> {
  let filter: FilterOptions | undefined
  let window = DEFAULT_SEARCH_WINDOW
  let multiplier = 1
  readFields(buffer, start, end, (field, value, a, b) => {
    if (field === 1) filter = { on: 'stream', ...decodeExpression(buffer, a, b) }
    else if (field === 2) filter = { on: 'type', ...decodeExpression(buffer, a, b) }
    else if (field === 3) window = value
    else if (field === 5) multiplier = value
  })
  if (window < 1) throw new WireError('the filter\'s search window must be at least 1')
  return { filter, checkpointEvery: window * Math.max(1, multiplier) }
}

function decodeExpression (
  buffer: Buffer, start: number, end: number
): { regex: string, prefixes: string[] } {
  let regex = ''
  const prefixes: string[] = []
  readFields(buffer, start, end, (field, _value, a, b) => {
    if (field === 1) regex = buffer.toString('utf8', a, b)
    else if (field === 2) prefixes.push(buffer.toString('utf8', a, b))
  })
  return { regex, prefixes }
}

function requireStringIds (buffer: Buffer, start: number, end: number): void {
  readFields(buffer, start, end, (field) => {
    if (field === 1) throw new WireError('only string event ids are supported')
  })
}

function decodeTarget (buffer: Buffer, start: number, end: number): Target {
  let stream = ''
  let expected: Expected | undefined
  let deadlineMs = Infinity
  readFields(buffer, start, end, (field, value, a, b) => {
    if (field === 1) stream = decodeStreamName(buffer, a, b)
    else if (field === 2) expected = value
    else if (field === 3) expected = NO_STREAM
    else if (field === 4) expected = ANY
    else if (field === 5) expected = STREAM_EXISTS
    else if (field === 6) deadlineMs = decodeTimestamp(buffer, a, b)
  })
  if (expected === undefined) throw new WireError('the expected revision is missing')
  return { stream, expected, deadlineMs }
}

function decodeStreamName (buffer: Buffer, start: number, end: number): string {
  let name = ''
  readFields(buffer, start, end, (field, _value, a, b) => {
    if (field === 3) name = buffer.toString('utf8', a, b)
  })
  return name
}

function decodeTimestamp (buffer: Buffer, start: number, end: number): number {
  let ms = 0
  readFields(buffer, start, end, (field, value) => {
    ms += field === 1 ? value * 1000 : value / 1e6
  })
  return ms
}

function decodeEvent (buffer: Buffer, start: number, end: number): ProposedEvent {
  let id = ''
  let metadata: Uint8Array = NO_BYTES
  let data: Uint8Array = NO_BYTES
  const map = new Map<string, string>()
  readFields(buffer, start, end, (field, _value, a, b) => {
    if (field === 1) id = decodeUuid(buffer, a, b)
    else if (field === 2) decodeEntry(buffer, a, b, map)
    else if (field === 3) metadata = buffer.subarray(a, b)
    else if (field === 4) data = buffer.subarray(a, b)
  })
  const type = map.get('type')
  const contentType = map.get('content-type')
  if (type === undefined) throw new MissingMetadataError('type')
  if (contentType === undefined) throw new MissingMetadataError('content-type')
  const known = contentType === JSON_TYPE ? JSON_TYPE : BINARY_TYPE
  return { id, type, contentType: known, metadata, data }
}

/** An event without its type or content type. */
export class MissingMetadataError extends Error {
  override readonly name = 'MissingMetadataError'
  readonly property: string
  constructor (property: string) {
    super(`required metadata property ${property} is missing`)
    this.property = property
  }
}

function decodeEntry (
  buffer: Buffer, start: number, end: number, map: Map<string, string>
): void {
  let key = ''
  let value = ''
  readFields(buffer, start, end, (field, _value, a, b) => {
    if (field === 1) key = buffer.toString('utf8', a, b)
    else if (field === 2) value = buffer.toString('utf8', a, b)
  })
  map.set(key, value)
}

function decodeUuid (buffer: Buffer, start: number, end: number): string {
  let id = ''
  readFields(buffer, start, end, (field, _value, a, b) => {
    if (field === 1) id = decodeStructuredUuid(buffer, a, b)
    else if (field === 2) id = buffer.toString('latin1', a, b).toLowerCase()
  })
  if (!UUID.test(id)) throw new WireError(`"${id.slice(0, 64)}" is not a UUID`)
  return id
}

function decodeStructuredUuid (buffer: Buffer, start: number, end: number): string {
  const halves = [0n, 0n]
  readFields(buffer, start, end, (field, _value, a) => {
    if (field === 1 || field === 2) halves[field - 1] = readVarint64(buffer, a)
  })
  const hex = halves.map((half) => half.toString(16).padStart(16, '0')).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
