/**
 * Copying a whole log into another EventStoreDB: every stream with its revisions, ids, bytes and
 * order. What a first run has copied a second one skips; at the end both logs are compared.
 * The time of an event is when it is copied: no client can set that.
 */
import { METADATA_TYPE } from '../storage/settings.ts'
import { createOrderedAppends, type Refused, type Run } from './ordered-appends.ts'
import { connectRaw, type RawClient, type RawEvent } from './raw-client.ts'
import { isCopied, isSame, MigrationError, verifyLogs } from './verify-logs.ts'

/** How far a migration is. */
export interface MigrateProgress {
  readonly phase: 'copy' | 'verify'
  readonly events: number
  /** The position in the source. */
  readonly position: bigint
}

export interface MigrateOptions {
  /** Connection strings of the log that is copied and of the one that it goes to. */
  readonly from: string
  readonly to: string
  readonly onProgress?: (progress: MigrateProgress) => void
}

export interface MigrateResult {
  /** How many events this run copied, and how many are now the same in both logs. */
  readonly copied: number
  readonly verified: number
}

const TOMBSTONE = '$streamDeleted'
/** The target may have done these by itself, so each is asked for alone. */
const ALONE = [TOMBSTONE, METADATA_TYPE]
const PAGE = 100
const RUN_EVENTS_MAX = 500
const RUN_BYTES_MAX = 512 * 1024
const PROGRESS_EVERY = 1_000

/**
 * Copies and verifies.
 * @throws {MigrationError} when the target holds something else, or lacks something at the end.
 */
export async function migrateLog (options: MigrateOptions): Promise<MigrateResult> {
  const onProgress = options.onProgress ?? (() => {})
  const source = connectRaw(options.from)
  const target = connectRaw(options.to)
  try {
    const copied = await copy(source, target, (events, position) => {
      onProgress({ phase: 'copy', events, position })
    })
    const verified = await verifyLogs(source, target, (events, position) => {
      onProgress({ phase: 'verify', events, position })
    })
    return { copied, verified }
  } finally {
    await Promise.all([source.close(), target.close()])
  }
}

async function copy (
  source: RawClient, target: RawClient, report: (events: number, position: bigint) => void
): Promise<number> {
  const last = await lastCopied(target)
  const appends = createOrderedAppends(await target.openBatch(), throwUnlessMetadata)
  let copied = 0
  for await (const run of runsOf(eventsAfter(source.readAll(), last))) {
    const newest = run[run.length - 1]
    if (newest === undefined) continue
    if (newest.type === TOMBSTONE) {
      await appends.drain()
      await target.client.tombstoneStream(newest.stream)
    } else {
      await appends.send(run)
    }
    copied += run.length
    if (copied % PROGRESS_EVERY < run.length) report(copied, newest.position)
  }
  await appends.drain()
  appends.close()
  return copied
}

/** The newest event that an earlier run has put into the target. */
async function lastCopied (target: RawClient): Promise<RawEvent | undefined> {
  let before: bigint | 'end' = 'end'
  for (;;) {
    let seen: bigint | undefined
    let found: RawEvent | undefined
    for await (const event of target.readBack(before, PAGE)) {
      seen = event.position
      if (isCopied(event)) found ??= event
    }
    if (found !== undefined || seen === undefined) return found
    before = seen
  }
}

/** The events to copy, from the one after `last` on. */
async function * eventsAfter (
  events: AsyncIterable<RawEvent>, last: RawEvent | undefined
): AsyncIterable<RawEvent> {
  let found = last === undefined
  for await (const event of events) {
    if (!isCopied(event)) continue
    if (found) yield event
    else found = last !== undefined && isSame(event, last)
  }
  if (!found) {
    throw new MigrationError('the target is no copy of this log: it ends with ' +
      `${last?.stream} ${last?.revision}, id ${last?.id}`)
  }
}

/** Neighbours of one stream make one call. */
async function * runsOf (events: AsyncIterable<RawEvent>): AsyncIterable<Run> {
  let run: RawEvent[] = []
  let bytes = 0
  for await (const event of events) {
    const [first] = run
    const fits = first?.stream === event.stream && !ALONE.includes(event.type) &&
      event.revision === first.revision + BigInt(run.length) &&
      run.length < RUN_EVENTS_MAX && bytes + event.data.length <= RUN_BYTES_MAX
    if (!fits) {
      if (run.length > 0) yield run
      run = []
      bytes = 0
    }
    run.push(event)
    bytes += event.data.length
  }
  if (run.length > 0) yield run
}

/**
 * A server that revives a deleted stream writes its metadata itself, with an id of its own, and
 * refuses ours. Whether it is the same is seen when the logs are compared.
 */
function throwUnlessMetadata ({ run, message }: Refused): void {
  const [event] = run
  if (event === undefined || event.type === METADATA_TYPE) return
  throw new MigrationError(
    `the target refuses ${event.stream} ${event.revision}, id ${event.id}: ${message}`)
}
