/** Opening a data directory: create or check the log, cut a torn tail, fill the index. */
import {
  closeSync, fstatSync, fsyncSync, ftruncateSync, mkdirSync, openSync, readSync, writeSync
} from 'node:fs'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { applySection } from '../engine/apply.ts'
import { createStreamIndex, type StreamIndex } from '../engine/stream-index.ts'
import { isMetastream } from '../engine/settings.ts'
import { parseEvent } from '../wire/recorded.ts'
import { fileHeader, readFileHeader, UnusableLogError } from './file-header.ts'
import { FILE_HEADER } from './frame.ts'
import { scanFrames, type FoundSection } from './scan.ts'

export const LOG_FILE = 'events.log'

/** A log that is ready: everything before `end` is good and in the index. */
export interface OpenedLog {
  readonly path: string
  readonly logId: Buffer
  readonly end: number
  readonly index: StreamIndex
  readonly isNew: boolean
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
  return { path, logId, end: FILE_HEADER, index: createStreamIndex(), isNew: true }
}

function recover (
  fd: number, path: string, size: number, report: (message: string) => void
): OpenedLog {
  const header = Buffer.alloc(FILE_HEADER)
  readSync(fd, header, 0, FILE_HEADER, 0)
  const logId = readFileHeader(header, path)
  const index = createStreamIndex()
  const { end, damage } = scanFrames(fd, FILE_HEADER, size, (offset, sections) => {
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
  return { path, logId, end, index, isNew: false }
}

function applyFound (index: StreamIndex, section: FoundSection): void {
  applySection(index, isMetastream(section.stream)
    ? { ...section, lastData: parseEvent(section.last, 0).data }
    : section, section.positions)
}

function syncDirectory (dir: string): void {
  const fd = openSync(dir, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
