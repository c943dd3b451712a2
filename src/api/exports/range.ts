/** The first and the last byte of a part, both inclusive. */
export interface ByteRange {
  from: number
  to: number
}

const ONE_RANGE = /^bytes=(\d{0,15})-(\d{0,15})$/

/**
 * The part of `total` bytes that a Range header asks for, RFC 9110 section 14.2: undefined for
 * everything, also where the header is of another unit, malformed or asks for several parts, all
 * of which a server may ignore; 'unsatisfiable' for a part beyond the end.
 */
export function byteRange (
  header: string | undefined, total: number
): ByteRange | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = ONE_RANGE.exec(header ?? '') ?? []
  if (first === '' && last === '') return undefined
  if (first === '') {
    const length = Math.min(Number(last), total)
    return length === 0 ? 'unsatisfiable' : { from: total - length, to: total - 1 }
  }
  const from = Number(first)
  const to = last === '' ? total - 1 : Math.min(Number(last), total - 1)
  if (last !== '' && Number(last) < from) return undefined
  return from >= total ? 'unsatisfiable' : { from, to }
}

/** Whether an If-Match header lets this entity tag pass, RFC 9110 section 13.1.1. */
export function matches (header: string | undefined, etag: string): boolean {
  if (header === undefined || header.trim() === '*') return true
  return header.split(',').some((one) => one.trim() === etag)
}
