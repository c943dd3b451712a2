const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const ULID_LENGTH = 26
const HEX_LENGTH = 32

/** A UUID in a ULID's clothes: the same 128 bits in Crockford's base 32. */
export function ulidOf (uuid: string): string {
  const bits = BigInt('0x' + uuid.replaceAll('-', ''))
  return Array.from({ length: ULID_LENGTH }, (_digit, index) => {
    return DIGITS[Number((bits >> BigInt(5 * (ULID_LENGTH - 1 - index))) & 31n)]
  }).join('')
}

/** The UUID of a ULID: 26 digits, of any case, the first at most 7. A UUID stays what it is. */
export function uuidOf (text: string): string {
  if (text.length !== ULID_LENGTH) return text
  const bits = [...text.toUpperCase()].reduce(
    (sum, digit) => (sum << 5n) | BigInt(DIGITS.indexOf(digit)), 0n)
  const hex = bits.toString(16).padStart(HEX_LENGTH, '0')
  return [
    hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)
  ].join('-')
}
