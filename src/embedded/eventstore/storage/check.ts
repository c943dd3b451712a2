/** Verifying a data directory: every checksum, every position, every revision. Changes nothing. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { parseEvent } from '../wire/recorded.ts'
import { readFileHeader, UnusableLogError } from './file-header.ts'
import { FILE_HEADER } from './frame.ts'
import { fingerprint, LOG_FILE } from './open.ts'
import { scanFrames, type FoundSection } from './scan.ts'
import { readSnapshot } from './snapshot.ts'

/** What {@link checkDirectory} found. */
export interface CheckReport {
  /** Nothing that was acknowledged is missing or changed. */
  readonly ok: boolean
  readonly path: string
  readonly bytes: number
  readonly frames: number
  readonly events: number
  readonly streams: number
  readonly tombstones: number
  /** Bytes at the end of a write that was never acknowledged; a start cuts them off. */
  readonly unfinishedBytes: number
  /** Whether a start would use the index on disk. */
  readonly index: 'none' | 'good' | 'unusable'
  /** Sentences, each with the offset. */
  readonly problems: readonly string[]
}

/** The sentences are for a person to read: a thousand more say nothing new. */
const PROBLEMS_MAX = 100

/**
 * Verifies the log of a directory, which may be in use: what is being written counts as unfinished.
 * @throws {UnusableLogError} when there is no log, or none of this format.
 */
export function checkDirectory (dir: string): CheckReport {
  const path = join(dir, LOG_FILE)
  const fd = openLog(path)
  try {
    return check(fd, dir, path)
  } finally {
    closeSync(fd)
  }
}

function openLog (path: string): number {
  try {
    return openSync(path, 'r')
  } catch (cause) {
    throw new UnusableLogError(`${path} cannot be opened`, { cause })
  }
}

function check (fd: number, dir: string, path: string): CheckReport {
  const bytes = fstatSync(fd).size
  const header = Buffer.alloc(FILE_HEADER)
  const logId = readFileHeader(header.subarray(0, readSync(fd, header, 0, FILE_HEADER, 0)), path)
  const last = new Map<string, number>()
  const problems: string[] = []
  let events = 0
  let tombstones = 0
  const { end, frames, damage } = scanFrames(fd, FILE_HEADER, bytes, (_offset, sections) => {
    for (const section of sections) {
      events += section.count
      if (section.tombstone) tombstones++
      if (problems.length < PROBLEMS_MAX) problems.push(...checkSection(section, last))
    }
  })
  if (damage?.wasDurable === true) {
    problems.push(`damaged at offset ${damage.offset}; ${bytes - damage.offset} bytes unchecked`)
  }
  return {
    ok: problems.length === 0,
    path,
    bytes,
    frames,
    events,
    streams: last.size,
    tombstones,
    unfinishedBytes: damage?.wasDurable === false ? bytes - end : 0,
    index: checkIndex(fd, dir, { logId, end }),
    problems
  }
}

/** Compares what the events say of themselves with where they are. */
function checkSection (section: FoundSection, last: Map<string, number>): string[] {
  const { stream, firstRevision, tombstone, positions } = section
  const problems: string[] = []
  const expected = (last.get(stream) ?? -1) + 1
  if (!tombstone) {
    if (firstRevision !== expected) {
      problems.push(`${stream} goes from revision ${expected - 1} to ${firstRevision} ` +
        `at offset ${positions[0]}`)
    }
    last.set(stream, firstRevision + positions.length - 1)
  }
  positions.forEach((position, i) => {
    const event = parseEvent(section.bytes, position - section.offset)
    const revision = tombstone ? event.revision : firstRevision + i
    if (event.position !== position || event.stream !== stream || event.revision !== revision) {
      problems.push(`the event at offset ${position} says it is ${event.stream} ` +
        `${event.revision} at ${event.position}`)
    }
  })
  return problems
}

function checkIndex (
  fd: number, dir: string, log: { logId: Buffer, end: number }
): CheckReport['index'] {
  const snapshot = readSnapshot(dir)
  if (snapshot === undefined) return 'none'
  const usable = typeof snapshot !== 'string' && snapshot.logId.equals(log.logId) &&
    snapshot.covered <= log.end && snapshot.fingerprint === fingerprint(fd, snapshot.covered)
  return usable ? 'good' : 'unusable'
}
