/** Links: events of type `$>` whose data is `revision@stream`. */
import { bytesField, varintField } from '../wire/protobuf.ts'
import { GRPC_PREFIX, parseEvent, type RecordedEvent } from '../wire/recorded.ts'
import { grpcMessage } from '../wire/responses.ts'
import type { Engine } from './engine.ts'
import { firstVisible } from '../storage/settings.ts'
import { lastBefore } from '../storage/stream-index.ts'

export const LINK_TYPE = '$>'

/** Reads the complete event at a position; durable events only. */
export async function readEventAt (engine: Engine, position: number): Promise<Buffer> {
  const { log } = engine
  const buffer = log.cached(position) ?? await log.read(position, EVENT_GUESS)
  const length = GRPC_PREFIX + buffer.readUInt32BE(1)
  return buffer.length >= length
    ? buffer.subarray(0, length)
    : await log.read(position, length)
}

/** The answer for an event with its link resolved: the target and the link, or the link alone. */
export async function resolveLink (engine: Engine, stored: Buffer): Promise<Buffer> {
  const link = parseEvent(stored, 0)
  if (link.type !== LINK_TYPE) return stored
  const target = await findTarget(engine, link)
  return grpcMessage(bytesField(1,
    ...(target === undefined ? [] : [bytesField(1, target.message)]),
    bytesField(2, link.message),
    varintField(3, link.position)))
}

const EVENT_GUESS = 4096

async function findTarget (
  engine: Engine, link: RecordedEvent
): Promise<RecordedEvent | undefined> {
  const text = link.data.toString()
  const at = text.indexOf('@')
  const revision = Number(text.slice(0, at))
  const entry = engine.index.get(text.slice(at + 1))
  if (at < 1 || !Number.isSafeInteger(revision) || entry === undefined) return undefined
  const last = lastBefore(engine.index, entry, engine.log.durableEnd)
  const first = firstVisible(entry.name, entry.settings, last)
  if (revision < first || revision > last || entry.tombstone > 0) return undefined
  return parseEvent(await readEventAt(engine, engine.index.position(entry, revision)), 0)
}
