/** Opening a data directory: create or check the log, cut a torn tail, fill the index. */
import {
  closeSync, fstatSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readSync, writeSync
} from 'node:fs'
import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { applySection } from './apply.ts'
import { createStreamIndex, type StreamIndex } from './stream-index.ts'
import { isMetastream } from './settings.ts'
import { parseEvent } from '../wire/recorded.ts'
import { fileHeader, readFileHeader, UnusableLogError } from './file-header.ts'
import { FILE_HEADER } from './frame.ts'
import { scanFrames, type FoundSection } from './scan.ts'
import { FINGERPRINT_BYTES, readSnapshot, type Snapshot } from './snapshot.ts'

export const LOG_FILE = 'events.log'

/** A log that is ready: everything before `end` is good and in the index. */
export interface OpenedLog {
  readonly path: string
  readonly logId: Buffer
  readonly end: number
  readonly index: StreamIndex
  /** What the snapshot on disk covers; 0 without one. */
  readonly covered: number
}

/**
 * Opens the log of a directory that the caller has locked, creating both when they are missing.
 * @param report told in a sentence when something had to be repaired.
 * @throws {UnusableLogError} when the log is damaged where it was once durable.
 */
export function openLog (dir: string, report: (message: string) => void): OpenedLog {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const path = join(dir, LOG_FILE)
  const fd = openSync(path, 'a+', 0o600)
  try {
    const size = fstatSync(fd).size
    return size < FILE_HEADER ? createLog(fd, dir, path) : recover(fd, path, size, report)
  } finally {
    closeSync(fd)
  }
}

/** Less than a header can only be left of a first start that crashed: nothing was stored yet. */
function createLog (fd: number, dir: string, path: string): OpenedLog {
  const logId = randomBytes(16)
  ftruncateSync(fd, 0)
  writeSync(fd, fileHeader(logId))
  fsyncSync(fd)
  syncDirectory(dir)
  return { path, logId, end: FILE_HEADER, index: createStreamIndex(), covered: 0 }
}

function recover (
  fd: number, path: string, size: number, report: (message: string) => void
): OpenedLog {
  const logId = readFileHeader(readAt(fd, 0, FILE_HEADER), path)
  const snapshot = usableSnapshot(fd, path, { logId, size }, report)
  const covered = snapshot?.covered ?? 0
  const index = snapshot?.index ?? createStreamIndex()
  const { end, damage } = scanFrames(fd, Math.max(covered, FILE_HEADER), size,
    (offset, sections) => {
      index.mark(offset)
      for (const section of sections) applyFound(index, section)
    })
  if (damage?.wasDurable === true) {
    throw new UnusableLogError(`${path} is damaged at offset ${damage.offset}: restore a copy`)
  }
  if (end < size) {
    report(`cut ${size - end} bytes of an unfinished write at offset ${end} of ${path}`)
    ftruncateSync(fd, end)
    fsyncSync(fd)
  }
  return { path, logId, end, index, covered }
}

/** The snapshot, if it is of this log as it is now: a log that was restored may be another. */
function usableSnapshot (
  fd: number, path: string, log: { logId: Buffer, size: number },
  report: (message: string) => void
): Snapshot | undefined {
  const snapshot = readSnapshot(dirname(path))
  if (snapshot === undefined) return undefined
  const reason = typeof snapshot === 'string'
    ? snapshot
    : mismatch(fd, snapshot, log)
  if (reason === undefined && typeof snapshot !== 'string') return snapshot
  report(`not using the index of ${path}: ${String(reason)}; scanning the log`)
  return undefined
}

function mismatch (
  fd: number, snapshot: Snapshot, log: { logId: Buffer, size: number }
): string | undefined {
  if (!snapshot.logId.equals(log.logId)) return 'it is of another log'
  if (snapshot.covered > log.size) return 'it covers more than there is'
  if (snapshot.fingerprint !== fingerprint(fd, snapshot.covered)) {
    return 'the log is not the one that it covers'
  }
  return undefined
}

/** What tells that a log up to an offset is the one that a snapshot was made of. */
export function fingerprint (fd: number, covered: number): number {
  const start = Math.max(0, covered - FINGERPRINT_BYTES)
  return crc32(readAt(fd, start, covered - start))
}

function readAt (fd: number, offset: number, size: number): Buffer {
  const into = Buffer.alloc(size)
  return into.subarray(0, readSync(fd, into, 0, size, offset))
}

function applyFound (index: StreamIndex, section: FoundSection): void {
  const { stream, positions, bytes, offset } = section
  const last = positions.at(-1)
  applySection(index, isMetastream(stream) && last !== undefined
    ? { ...section, lastData: parseEvent(bytes, last - offset).data }
    : section, positions)
}

function syncDirectory (dir: string): void {
  const fd = openSync(dir, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
