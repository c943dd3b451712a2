/**
 * The index on disk, so that a large log need not be scanned at every start. Disposable: when it is
 * missing, damaged or of another log, the log is scanned.
 *
 *   "ESINDEX" 0 | version u32 | crc u32 | log id 16 bytes | covered f64 | positions f64 |
 *   marks f64 | table bytes f64 | streams u32 | crc of the log's last bytes before `covered` u32
 *   positions f64 ... | marks f64 ... | table: name length u16 | settings length u32 | count u32 |
 *   tombstone f64 | settings position f64 | name | settings JSON, one after the other
 *
 * Numbers are little endian, as on every machine that Node runs on with this node.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { parseSettings } from './settings.ts'
import {
  createStreamIndex, lastBefore, lowerBound, type StreamEntry, type StreamIndex
} from './stream-index.ts'

export const SNAPSHOT_FILE = 'events.index'
const MAGIC = Buffer.from('ESINDEX\0', 'latin1')
const VERSION = 1
const HEADER = 72
const ROW = 26
/** How much of the log before `covered` must be the same for the snapshot to be of this log. */
export const FINGERPRINT_BYTES = 64 * 1024
const READ_MAX = 1024 * 1024 * 1024
/** How many streams are looked at before others may run. */
const SLICE = 20_000

/** What a snapshot is of. */
export interface SnapshotOf {
  readonly logId: Buffer
  /** Everything before this offset is in the index. */
  readonly covered: number
  /** Checksum of the last {@link FINGERPRINT_BYTES} before it. */
  readonly fingerprint: number
}

/** An index that was read, with what it says it is of. */
export interface Snapshot extends SnapshotOf {
  readonly index: StreamIndex
}

/** A snapshot that cannot be used. */
class SnapshotError extends Error {
  override readonly name = 'SnapshotError'
}

/**
 * Builds the snapshot of everything before `of.covered`, letting others run in between. What is in
 * the index must be durable before it is written.
 */
export async function encodeSnapshot (index: StreamIndex, of: SnapshotOf): Promise<Buffer[]> {
  let events = 0
  for (const entry of index.streams.values()) events += entry.baseCount + entry.tail.length
  const positions = new Float64Array(events)
  const rows: Buffer[] = []
  let filled = 0
  let seen = 0
  for (const entry of index.streams.values()) {
    const count = lastBefore(index, entry, of.covered) + 1
    for (let r = 0; r < count; r++) positions[filled + r] = index.position(entry, r)
    filled += count
    rows.push(encodeRow(entry, count))
    if (++seen % SLICE === 0) await new Promise((resolve) => { setImmediate(resolve) })
  }
  const marksBefore = lowerBound(index.marks.length, (i) => (index.marks[i] ?? 0) < of.covered)
  const marks = Float64Array.from(index.marks.slice(0, marksBefore))
  const table = Buffer.concat(rows)
  const body = [bytesOf(positions.subarray(0, filled)), bytesOf(marks), table]
  const header = Buffer.alloc(HEADER)
  MAGIC.copy(header)
  header.writeUInt32LE(VERSION, 8)
  of.logId.copy(header, 16)
  header.writeDoubleLE(of.covered, 32)
  header.writeDoubleLE(filled, 40)
  header.writeDoubleLE(marks.length, 48)
  header.writeDoubleLE(table.length, 56)
  header.writeUInt32LE(rows.length, 64)
  header.writeUInt32LE(of.fingerprint, 68)
  header.writeUInt32LE(checksum([header.subarray(16), ...body]), 12)
  return [header, ...body]
}

/** Puts a snapshot in the place of the one before, whole or not at all. */
export async function writeSnapshot (dir: string, parts: readonly Buffer[]): Promise<void> {
  const path = join(dir, SNAPSHOT_FILE)
  const file = await open(`${path}.new`, 'w', 0o600)
  try {
    for (const part of parts) await file.writeFile(part)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
}

/** Reads the snapshot of a directory. A string says why there is none to use. */
export function readSnapshot (dir: string): Snapshot | string | undefined {
  let fd: number
  try {
    fd = openSync(join(dir, SNAPSHOT_FILE), 'r')
  } catch {
    return undefined
  }
  try {
    return decodeSnapshot(fd)
  } catch (error) {
    if (error instanceof SnapshotError || error instanceof RangeError) return error.message
    throw error
  } finally {
    closeSync(fd)
  }
}

function decodeSnapshot (fd: number): Snapshot {
  const header = readExactly(fd, 0, HEADER)
  if (!header.subarray(0, 8).equals(MAGIC)) throw new SnapshotError('it is no index')
  if (header.readUInt32LE(8) !== VERSION) throw new SnapshotError('its format is another version')
  const [positionBytes, markBytes] = [header.readDoubleLE(40) * 8, header.readDoubleLE(48) * 8]
  const positions = readExactly(fd, HEADER, positionBytes)
  const marks = readExactly(fd, HEADER + positionBytes, markBytes)
  const table = readExactly(fd, HEADER + positionBytes + markBytes, header.readDoubleLE(56))
  if (checksum([header.subarray(16), positions, marks, table]) !== header.readUInt32LE(12)) {
    throw new SnapshotError('its checksum is wrong')
  }
  return {
    logId: header.subarray(16, 32),
    covered: header.readDoubleLE(32),
    fingerprint: header.readUInt32LE(68),
    index: createStreamIndex(
      floatsOf(positions), decodeTable(table, header.readUInt32LE(64)), [...floatsOf(marks)])
  }
}

function encodeRow (entry: StreamEntry, count: number): Buffer {
  const name = Buffer.from(entry.name)
  const settings = Buffer.from(
    entry.settings === undefined ? '' : JSON.stringify(entry.settings.raw))
  const row = Buffer.allocUnsafe(ROW + name.length + settings.length)
  row.writeUInt16LE(name.length, 0)
  row.writeUInt32LE(settings.length, 2)
  row.writeUInt32LE(count, 6)
  row.writeDoubleLE(entry.tombstone, 10)
  row.writeDoubleLE(entry.settingsPosition, 18)
  name.copy(row, ROW)
  settings.copy(row, ROW + name.length)
  return row
}

function decodeTable (table: Buffer, count: number): Map<string, StreamEntry> {
  const streams = new Map<string, StreamEntry>()
  let at = 0
  let base = 0
  for (let n = 0; n < count; n++) {
    const nameEnd = at + ROW + table.readUInt16LE(at)
    const settingsEnd = nameEnd + table.readUInt32LE(at + 2)
    const entry: StreamEntry = {
      name: table.toString('utf8', at + ROW, nameEnd),
      base,
      baseCount: table.readUInt32LE(at + 6),
      tail: [],
      tombstone: table.readDoubleLE(at + 10),
      settings: settingsEnd === nameEnd
        ? undefined
        : parseSettings(table.subarray(nameEnd, settingsEnd)),
      settingsPosition: table.readDoubleLE(at + 18)
    }
    base += entry.baseCount
    streams.set(entry.name, entry)
    at = settingsEnd
  }
  return streams
}

function readExactly (fd: number, offset: number, size: number): Buffer {
  if (!Number.isSafeInteger(size) || size < 0) throw new SnapshotError('its sizes are wrong')
  const into = Buffer.allocUnsafeSlow(size)
  for (let done = 0; done < size;) {
    const read = readSync(fd, into, done, Math.min(READ_MAX, size - done), offset + done)
    if (read === 0) throw new SnapshotError('it is cut off')
    done += read
  }
  return into
}

const bytesOf = (floats: Float64Array): Buffer =>
  Buffer.from(floats.buffer, floats.byteOffset, floats.byteLength)

const floatsOf = (bytes: Buffer): Float64Array =>
  new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8)

function checksum (parts: readonly Buffer[]): number {
  return parts.reduce((crc, part) => crc32(part, crc), 0)
}
