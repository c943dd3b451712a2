/** The first bytes of a log file: what it is, in which format, and which log it is. */
import { FILE_HEADER, FORMAT_VERSION } from './frame.ts'

const MAGIC = Buffer.from('ESNODE\0\0', 'latin1')

/** The file cannot be used; the message says why, in a sentence. */
export class UnusableLogError extends Error {
  override readonly name = 'UnusableLogError'
}

/** The header of a new log. `logId` has 16 bytes and tells copies of one log from other logs. */
export function fileHeader (logId: Buffer): Buffer {
  const header = Buffer.alloc(FILE_HEADER)
  MAGIC.copy(header)
  header.writeUInt32LE(FORMAT_VERSION, 8)
  logId.copy(header, 16, 0, 16)
  return header
}

/**
 * Reads the header and returns the log id.
 * @throws {UnusableLogError} when it is no log, or of another format version.
 */
export function readFileHeader (header: Buffer, path: string): Buffer {
  if (header.length < FILE_HEADER || !header.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new UnusableLogError(`${path} is not an event log`)
  }
  const version = header.readUInt32LE(8)
  if (version !== FORMAT_VERSION) {
    throw new UnusableLogError(`${path} has format version ${version}; ` +
      `this program reads version ${FORMAT_VERSION}`)
  }
  return Buffer.from(header.subarray(16, 32))
}
