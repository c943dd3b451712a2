/** Going through a log file frame by frame, with every checksum verified. */
import { readSync } from 'node:fs'
import { GRPC_PREFIX } from '../wire/recorded.ts'
import {
  checksumHolds, FRAME_HEADER, FRAME_MARK, readFrameHeader, readSectionHeader, SECTION_MARK,
  type SectionHeader
} from './frame.ts'

/** One section of a frame: where its events are, in the log and in the frame's bytes. */
export interface FoundSection extends SectionHeader {
  readonly positions: number[]
  readonly bytes: Buffer
  /** The offset of the frame, of which `bytes` is everything. */
  readonly offset: number
}

/** Why a scan ended before the end of the file. */
export interface Damage {
  readonly offset: number
  /** Whether a later frame proves that what is damaged was once durable. */
  readonly wasDurable: boolean
}

export interface ScanResult {
  /** The end of the last good frame. */
  readonly end: number
  readonly frames: number
  readonly damage: Damage | undefined
}

/** Told the offset of each good frame and its sections, in order. */
export type FrameVisitor = (offset: number, sections: readonly FoundSection[]) => void

const READ_BYTES = 8 * 1024 * 1024

/** Visits every good frame from `offset`, the start of a frame, to the first bad one or the end. */
export function scanFrames (
  fd: number, offset: number, size: number, visit: FrameVisitor
): ScanResult {
  let frames = 0
  let buffer: Buffer = Buffer.alloc(0)
  let at = 0
  while (offset < size) {
    const length = frameLength(buffer, at, offset)
    if (length === undefined || at + length > buffer.length) {
      buffer = readAt(fd, offset, Math.min(Math.max(READ_BYTES, length ?? 0), size - offset))
      at = 0
    }
    const frame = frameLength(buffer, at, offset)
    if (frame === undefined || !checksumHolds(buffer, at, frame)) {
      const wasDurable = findLaterFrame(fd, offset, size)
      return { end: offset, frames, damage: { offset, wasDurable } }
    }
    visit(offset, readSections(buffer.subarray(at, at + frame), offset))
    frames++
    at += frame
    offset += frame
  }
  return { end: offset, frames, damage: undefined }
}

function frameLength (buffer: Buffer, at: number, offset: number): number | undefined {
  const header = readFrameHeader(buffer, at)
  return header?.offset === offset ? header.length : undefined
}

function readSections (frame: Buffer, offset: number): FoundSection[] {
  const sections: FoundSection[] = []
  let at = FRAME_HEADER
  while (at < frame.length && frame[at] === SECTION_MARK) {
    const header = readSectionHeader(frame, at)
    const positions: number[] = []
    at = header.next
    for (let n = 0; n < header.count; n++) {
      positions.push(offset + at)
      at += GRPC_PREFIX + frame.readUInt32BE(at + 1)
    }
    sections.push({ ...header, positions, bytes: frame, offset })
  }
  return sections
}

/**
 * Looks behind a damaged place for a good frame that was written when the place was durable.
 * Without one the damage is what a crash leaves of a write that nobody was told had succeeded.
 */
function findLaterFrame (fd: number, damaged: number, size: number): boolean {
  for (let base = damaged + 1; base < size; base += READ_BYTES - FRAME_HEADER) {
    const buffer = readAt(fd, base, Math.min(READ_BYTES, size - base))
    for (let at = buffer.indexOf(FRAME_MARK); at >= 0; at = buffer.indexOf(FRAME_MARK, at + 1)) {
      const header = readFrameHeader(buffer, at)
      if (header?.offset !== base + at || header.durable <= damaged) continue
      if (base + at + header.length > size) continue
      if (checksumHolds(readAt(fd, base + at, header.length), 0, header.length)) return true
    }
  }
  return false
}

function readAt (fd: number, offset: number, size: number): Buffer {
  const into = Buffer.allocUnsafe(size)
  return into.subarray(0, readSync(fd, into, 0, size, offset))
}
