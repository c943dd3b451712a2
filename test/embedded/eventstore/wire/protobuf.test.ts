import fc from 'fast-check'
import t from 'tap'
import {
  bytesField, INT64_MAX, putVarint, readFields, readVarint, readVarint64, varintField, varintSize,
  WireError
} from '../../../../src/embedded/eventstore/wire/protobuf.ts'
import { holds } from '../holds.ts'

const safe = fc.oneof(fc.nat(300), fc.maxSafeNat())

t.test('a varint reads back as it was written and takes the bytes that were said', async (t) => {
  holds(t, fc.property(safe, (value) => {
    const buffer = Buffer.alloc(10)
    const end = putVarint(buffer, 0, value)
    const cursor = { buffer, at: 0, end }
    return end === varintSize(value) && readVarint(cursor) === value && cursor.at === end &&
      readVarint64(buffer, 0) === BigInt(value)
  }))
  const buffer = Buffer.alloc(10)
  t.equal(putVarint(buffer, 0, INT64_MAX), varintSize(INT64_MAX))
  t.equal(readVarint64(buffer, 0), 2n ** 63n - 1n, 'the largest revision is written exactly')
})

t.test('fields read back in order with their bytes', async (t) => {
  const field = fc.tuple(fc.integer({ min: 1, max: 5000 }), fc.oneof(safe, fc.uint8Array()))
  holds(t, fc.property(fc.array(field), (fields) => {
    const buffer = Buffer.concat(fields.map(([number, value]) =>
      typeof value === 'number' ? varintField(number, value) : bytesField(number, value)))
    const seen: [number, number | Uint8Array][] = []
    readFields(buffer, 0, buffer.length, (number, value, start, end) => {
      const expected = fields[seen.length]?.[1]
      seen.push([number,
        typeof expected === 'number' ? value : new Uint8Array(buffer.subarray(start, end))])
    })
    return JSON.stringify(seen) === JSON.stringify(fields)
  }))
})

t.test('bytes that are no message are refused, never read beyond', async (t) => {
  const cases: [string, string][] = [
    ['a varint without its end', '0880'],
    ['a varint of eleven bytes', '08ffffffffffffffffffff01'],
    ['a length beyond the end', '0a05aabb'],
    ['a cut off 64 bit field', '090102'],
    ['field number zero', '0001'],
    ['a group', '0b']
  ]
  for (const [name, hex] of cases) {
    const buffer = Buffer.from(hex, 'hex')
    t.throws(() => { readFields(buffer, 0, buffer.length, () => {}) }, WireError, name)
  }
  holds(t, fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
    try {
      readFields(Buffer.from(bytes), 0, bytes.length, (_field, _value, start, end) => {
        if (start > end || end > bytes.length) throw new Error('a field outside of the message')
      })
    } catch (error) {
      if (!(error instanceof WireError)) throw error
    }
  }))
})
