/**
 * Appends, deletes and tombstones. Decisions are made at once on everything that was appended so
 * far; answers wait until it is durable.
 */
import { randomUUID } from 'node:crypto'
import { STREAM_NAME_MAX, type Section } from '../storage/frame.ts'
import type { Log } from '../storage/log.ts'
import {
  isSoftDeleted, METADATA_TYPE, metastreamOf, withTruncateBefore
} from '../storage/settings.ts'
import {
  lastRevision, tombstoneOf, type StreamEntry, type StreamIndex
} from '../storage/stream-index.ts'
import type { AppendResult, Expected } from '../wire/append.ts'
import { INT64_MAX } from '../wire/protobuf.ts'
import { HEAD_BYTES, parseEventId, type ProposedEvent } from '../wire/recorded.ts'
import { decide, type StreamState } from './append-rules.ts'
import { ALL_STREAMS } from './wakeups.ts'
import { createWriter, type Writer } from './writer.ts'

export interface EngineOptions {
  readonly log: Log
  readonly index: StreamIndex
  /** The most data bytes of one append call; the real server's default is 1 MiB. */
  readonly maxAppendBytes?: number
  readonly now: () => number
}

/** The write side, and what the read side needs. */
export interface Engine extends Omit<Writer, 'write'> {
  readonly maxAppendBytes: number
  append (stream: string, expected: Expected, events: readonly ProposedEvent[]):
  Promise<AppendResult>
  /** Hides the stream's events until something is appended to it. */
  softDelete (stream: string, expected: Expected): Promise<AppendResult>
  /** Ends the stream for good. */
  tombstone (stream: string, expected: Expected): Promise<AppendResult>
}

export const DEFAULT_MAX_APPEND_BYTES = 1024 * 1024
/** No call takes more than this with all its metadata, as no log record of the real server does. */
const RECORD_BYTES_MAX = 16 * 1024 * 1024
const EMPTY = Buffer.alloc(0)

/** An engine over an open log and its index. */
export function createEngine (options: EngineOptions): Engine {
  const writer = createWriter(options.log, options.index, options.now)
  const maxAppendBytes = options.maxAppendBytes ?? DEFAULT_MAX_APPEND_BYTES
  return {
    ...writer,
    maxAppendBytes,
    async append (stream, expected, events) {
      return refuseName(stream) ?? refuseSize(events, maxAppendBytes) ??
        await append(writer, stream, expected, events)
    },
    softDelete: (stream, expected) =>
      remove(writer, stream, expected, (entry) => truncation(writer, entry, INT64_MAX)),
    tombstone: (stream, expected) => remove(writer, stream, expected, () => ({
      stream, firstRevision: 0, tombstone: true, events: [systemEvent('$streamDeleted', EMPTY)]
    }))
  }
}

async function append (
  writer: Writer, stream: string, expected: Expected, events: readonly ProposedEvent[]
): Promise<AppendResult> {
  const entry = writer.index.get(stream)
  const state = stateOf(writer, stream, entry)
  const decision = decide(state, expected, events.map((event) => event.id))
  if (decision.kind === 'wrong-expected-version') return { ...decision, current: state.last }
  if (decision.kind === 'stream-deleted') return decision
  if (decision.kind === 'repeated') {
    // What it repeats may not be durable itself yet.
    await writer.log.flushed()
    return appendedAt(writer, entry, decision.last)
  }
  if (events.length === 0) return appendedAt(writer, entry, state.last)
  const section = { stream, firstRevision: state.last + 1, events }
  const position = await writer.write(state.softDeleted && entry !== undefined
    ? [section, truncation(writer, entry, state.last + 1)]
    : [section])
  return { kind: 'appended', revision: state.last + events.length, position }
}

async function remove (
  writer: Writer, stream: string, expected: Expected, section: (entry: StreamEntry) => Section
): Promise<AppendResult> {
  const refusal = refuseName(stream)
  if (refusal !== undefined) return refusal
  const state = stateOf(writer, stream, writer.index.get(stream))
  const decision = decide(state, expected, [randomUUID()])
  if (decision.kind === 'stream-deleted') return decision
  if (decision.kind !== 'write') return { kind: 'wrong-expected-version', current: state.last }
  const position = await writer.write([section(writer.index.getOrCreate(stream))])
  return { kind: 'appended', revision: state.last, position }
}

function stateOf (writer: Writer, stream: string, entry: StreamEntry | undefined): StreamState {
  const { index, log, known } = writer
  return {
    last: lastRevision(entry),
    tombstoned: tombstoneOf(index, stream) > 0,
    softDeleted: isSoftDeleted(entry?.settings),
    hasMetadata: lastRevision(index.get(metastreamOf(stream))) >= 0,
    known: (id) => known.find(id, stream),
    idAt (revision) {
      if (entry === undefined) return ''
      return parseEventId(log.peek(index.position(entry, revision), HEAD_BYTES), 0)
    }
  }
}

function appendedAt (
  { index }: Writer, entry: StreamEntry | undefined, revision: number
): AppendResult {
  if (entry === undefined || revision < 0) return { kind: 'appended', revision: -1 }
  return { kind: 'appended', revision, position: index.position(entry, revision) }
}

/** The metadata event that moves a stream's first visible revision. */
function truncation ({ index }: Writer, entry: StreamEntry, revision: number): Section {
  const stream = metastreamOf(entry.name)
  const event = systemEvent(METADATA_TYPE, withTruncateBefore(entry.settings, revision))
  return { stream, firstRevision: lastRevision(index.get(stream)) + 1, events: [event] }
}

function systemEvent (type: string, data: Buffer): ProposedEvent {
  const contentType = data.length > 0 ? 'application/json' : 'application/octet-stream'
  return { id: randomUUID(), type, contentType, metadata: EMPTY, data }
}

/** A metastream has no metastream of its own, and `$all` is not a stream. */
function refuseName (stream: string): AppendResult | undefined {
  const isWritable = stream !== '' && stream !== '$$' && stream !== ALL_STREAMS &&
    !stream.startsWith('$$$$') && Buffer.byteLength(stream) <= STREAM_NAME_MAX
  return isWritable ? undefined : { kind: 'bad-request', message: 'invalid stream name' }
}

function refuseSize (
  events: readonly ProposedEvent[], maxAppendBytes: number
): AppendResult | undefined {
  let data = 0
  let all = 0
  for (const event of events) {
    data += event.data.length
    all += event.data.length + event.metadata.length + event.type.length
  }
  if (data > maxAppendBytes) return { kind: 'too-large', maxBytes: maxAppendBytes }
  return all > RECORD_BYTES_MAX ? { kind: 'too-large', maxBytes: RECORD_BYTES_MAX } : undefined
}
