import * as fc from 'fast-check'
import t from 'tap'

import {
  bigintColumn, hashColumn, textColumn, timestampColumn, uuidColumn
} from '../../projections/columns.ts'
import { testDatabase } from '../helper.ts'

t.test('what a column holds is what Postgres reads', async (t) => {
  const pool = (await testDatabase(t)).pool('ledger_worker', { pipeline: true })
  const read = async (type: string, column: Buffer): Promise<unknown[]> => {
    const { rows: [row] } = await pool.query(
      `select to_jsonb($1::${type}[]) as read, cardinality($1::${type}[]) as length`, [column])
    t.equal(row.length, row.read.length)
    return row.read
  }
  const text = fc.string({ unit: 'grapheme', maxLength: 20 })
  const odd = fc.constantFrom('', 'null', '{}', '"', '\\', ',', '\n', '\u001f', '🎉', 'é', '\u2028')
  const texts = fc.array(fc.option(fc.oneof(text, odd)), { maxLength: 30 })
  await fc.assert(fc.asyncProperty(texts, async (values) => {
    const kept = values.map((value) => value?.replaceAll('\u0000', '\uFFFD') ?? null)
    t.strictSame(await read('text', textColumn(values)), kept)
  }), { numRuns: 100 })
  await fc.assert(fc.asyncProperty(fc.array(fc.uuid(), { maxLength: 9 }), async (values) => {
    t.strictSame(await read('uuid', uuidColumn(values)), values)
  }), { numRuns: 20 })
  const times = fc.date({
    min: new Date('0001-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true
  })
  await fc.assert(fc.asyncProperty(fc.array(times, { maxLength: 9 }), async (values) => {
    const { rows } = await pool.query(
      'select (extract(epoch from at) * 1000)::bigint as ms from unnest($1::timestamptz[]) as at',
      [timestampColumn(values.map((value) => value.toISOString()))])
    t.strictSame(rows.map(({ ms }) => ms), values.map((value) => BigInt(value.getTime())))
  }), { numRuns: 50 })
  const bigints = fc.array(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), { maxLength: 9 })
  await fc.assert(fc.asyncProperty(bigints, async (values) => {
    const { rows: [row] } = await pool.query('select $1::bigint[] as read', [bigintColumn(values)])
    t.strictSame(row.read, values)
  }), { numRuns: 20 })
  const hashes = fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), { maxLength: 9 })
  await fc.assert(fc.asyncProperty(hashes, async (values) => {
    const buffers = values.map((value) => Buffer.from(value))
    const { rows: [row] } = await pool.query('select $1::bytea[] as read', [hashColumn(buffers)])
    t.strictSame(row.read, buffers)
  }), { numRuns: 20 })
})
