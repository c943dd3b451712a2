/** Comparing two logs event by event, in the order of `$all`. */
import { isMetastream, METADATA_TYPE, originalOf } from '../storage/settings.ts'
import type { RawClient, RawEvent } from './raw-client.ts'

/** The logs do not fit together; the message names the stream and revision. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError'
}

const PROGRESS_EVERY = 10_000

/** System streams belong to each server; metadata belongs to the stream that it is about. */
export function isCopied ({ stream }: RawEvent): boolean {
  return !(isMetastream(stream) ? originalOf(stream) : stream).startsWith('$')
}

/** Whether two events are one, as far as a server lets them be. */
export function isSame (a: RawEvent, b: RawEvent): boolean {
  const serversOwn = a.type === METADATA_TYPE || a.type === '$streamDeleted'
  return a.stream === b.stream && a.revision === b.revision && a.type === b.type &&
    (a.id === b.id || serversOwn) && a.contentType === b.contentType &&
    (sameBytes(a.data, b.data) || (serversOwn && sameJson(a.data, b.data))) &&
    sameBytes(a.metadata, b.metadata)
}

/**
 * Reads both logs side by side and returns how many events they share.
 * @throws {MigrationError} at the first difference.
 */
export async function verifyLogs (
  source: RawClient, target: RawClient, report: (events: number, position: bigint) => void
): Promise<number> {
  const theirs = copiedOf(target)[Symbol.asyncIterator]()
  let events = 0
  for await (const event of copiedOf(source)) {
    const { value, done } = await theirs.next()
    if (done === true) {
      throw new MigrationError(`the target ends before ${event.stream} ${event.revision}`)
    }
    if (!isSame(event, value)) {
      throw new MigrationError(`${event.stream} ${event.revision}, id ${event.id}, is ` +
        `${value.stream} ${value.revision}, id ${value.id}, in the target`)
    }
    if (++events % PROGRESS_EVERY === 0) report(events, event.position)
  }
  const { value, done } = await theirs.next()
  if (done !== true) {
    throw new MigrationError(`the target has more: ${value.stream} ${value.revision}`)
  }
  return events
}

async function * copiedOf (client: RawClient): AsyncGenerator<RawEvent, undefined> {
  for await (const event of client.readAll()) if (isCopied(event)) yield event
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

function sameJson (a: Uint8Array, b: Uint8Array): boolean {
  const canonical = (bytes: Uint8Array) =>
    JSON.stringify(Object.entries(JSON.parse(Buffer.from(bytes).toString() || '{}')).sort())
  return canonical(a) === canonical(b)
}
