/**
 * The layout of the log file. A frame is what one append call wrote: a header with a checksum over
 * everything, then one section per stream it touched, then that section's events as gRPC messages.
 *
 *   file    "ESNODE" 0 0 | version u32 | zero u32 | log id 16 bytes | zeros to 64
 *   frame   0xA1 | version u8 | zero u16 | crc u32 | body length u32 | offset u48 | durable u48
 *   section 0xA2 | flags u8 | name length u16 | events u32 | first revision u48 | name
 *   event   0x00 | length u32 big endian | ReadResp
 *
 * The first byte says what follows, so a reader can walk from any event without an index.
 * An event's position is the offset of its first byte. `durable` is the offset up to which the file
 * was known to be on disk when the frame was made: a damaged frame below the `durable` of a later
 * one was acknowledged once, and is damage; above it, it is a torn write.
 */
import { crc32 } from 'node:zlib'
import { eventBound, putEvent, type ProposedEvent } from '../wire/recorded.ts'
import { INT64_MAX } from '../wire/protobuf.ts'

export const FORMAT_VERSION = 1
export const FILE_HEADER = 64
export const FRAME_HEADER = 24
export const SECTION_HEADER = 14
export const FRAME_MARK = 0xa1
export const SECTION_MARK = 0xa2
const FRAME_START = FRAME_MARK + FORMAT_VERSION * 256
/** Flag of a section whose one event is a tombstone: its revision is 2^63 - 1. */
export const TOMBSTONE_FLAG = 1

/** The longest stream name in bytes: the length has 16 bits. */
export const STREAM_NAME_MAX = 65_535
/** The largest body that is ever written or believed, in bytes. */
export const FRAME_BODY_MAX = 64 * 1024 * 1024

/** Events that one call adds to one stream. */
export interface Section {
  readonly stream: string
  readonly firstRevision: number
  readonly tombstone?: boolean
  readonly events: readonly ProposedEvent[]
}

/** A frame ready to be written, with the position of each event by section. */
export interface Frame {
  readonly bytes: Buffer
  readonly positions: readonly number[][]
}

/** What the header of a frame says. */
export interface FrameHeader {
  readonly length: number
  readonly offset: number
  readonly durable: number
}

/** What the header of a section says; `next` is where its first event begins. */
export interface SectionHeader {
  readonly stream: string
  readonly tombstone: boolean
  readonly count: number
  readonly firstRevision: number
  readonly next: number
}

/** Where a frame will be written, when, and what is durable by then. */
export interface FramePlace {
  readonly offset: number
  readonly durable: number
  readonly createdMs: number
}

/** Builds the frame of one call. */
export function buildFrame (sections: readonly Section[], place: FramePlace): Frame {
  const names = sections.map((section) => Buffer.from(section.stream))
  const out = Buffer.allocUnsafe(sections.reduce((sum, section, i) =>
    sum + sectionBound(section, names[i]?.length ?? 0), FRAME_HEADER))
  const created = `${place.createdMs}0000`
  const positions: number[][] = []
  let at = FRAME_HEADER
  sections.forEach((section, i) => {
    const name = names[i] ?? Buffer.alloc(0)
    at = putSectionHeader(out, at, section, name)
    const mine: number[] = []
    let revision = section.firstRevision
    for (const event of section.events) {
      const position = place.offset + at
      mine.push(position)
      at = putEvent(out, at, event, {
        stream: name,
        revision: section.tombstone === true ? INT64_MAX : revision++,
        position,
        created
      })
    }
    positions.push(mine)
  })
  putFrameHeader(out, at, place)
  return { bytes: out.subarray(0, at), positions }
}

/** Reads the header of the frame at `at`, or nothing when the bytes there are none. */
export function readFrameHeader (buffer: Buffer, at: number): FrameHeader | undefined {
  if (at + FRAME_HEADER > buffer.length) return undefined
  if (buffer.readUInt32LE(at) !== FRAME_START) return undefined
  const length = buffer.readUInt32LE(at + 8)
  if (length > FRAME_BODY_MAX) return undefined
  return {
    length: FRAME_HEADER + length,
    offset: buffer.readUIntLE(at + 12, 6),
    durable: buffer.readUIntLE(at + 18, 6)
  }
}

/** Whether the whole frame at `at` carries the checksum it says. */
export function checksumHolds (buffer: Buffer, at: number, length: number): boolean {
  if (at + length > buffer.length) return false
  return buffer.readUInt32LE(at + 4) === checksum(buffer, at, at + length)
}

/** Reads the section header at `at`, which must be complete. */
export function readSectionHeader (buffer: Buffer, at: number): SectionHeader {
  const nameLength = buffer.readUInt16LE(at + 2)
  const next = at + SECTION_HEADER + nameLength
  return {
    stream: buffer.toString('utf8', at + SECTION_HEADER, next),
    tombstone: buffer[at + 1] === TOMBSTONE_FLAG,
    count: buffer.readUInt32LE(at + 4),
    firstRevision: buffer.readUIntLE(at + 8, 6),
    next
  }
}

function sectionBound (section: Section, nameLength: number): number {
  return section.events.reduce((sum, event) => sum + eventBound(event, nameLength),
    SECTION_HEADER + nameLength)
}

function putSectionHeader (out: Buffer, at: number, section: Section, name: Buffer): number {
  out[at] = SECTION_MARK
  out[at + 1] = section.tombstone === true ? TOMBSTONE_FLAG : 0
  out.writeUInt16LE(name.length, at + 2)
  out.writeUInt32LE(section.events.length, at + 4)
  out.writeUIntLE(section.firstRevision, at + 8, 6)
  out.set(name, at + SECTION_HEADER)
  return at + SECTION_HEADER + name.length
}

function putFrameHeader (out: Buffer, end: number, place: FramePlace): void {
  out.writeUInt32LE(FRAME_START, 0)
  out.writeUInt32LE(end - FRAME_HEADER, 8)
  out.writeUIntLE(place.offset, 12, 6)
  out.writeUIntLE(place.durable, 18, 6)
  out.writeUInt32LE(checksum(out, 0, end), 4)
}

/** Over everything but the start of the frame, which must be what it is anyway, and itself. */
function checksum (buffer: Buffer, from: number, to: number): number {
  return crc32(buffer.subarray(from + 8, to))
}
