import fc from 'fast-check'
import t from 'tap'

import { cutoffOf } from '../../../projections/retention/cutoff.ts'
import {
  FLOOR_DAYS, FLOOR_MONTHS, gapsOf, isBelowFloor, positionsOf
} from '../../../schemas/events/retention.ts'

const at = (text: string): number => Date.parse(text)

t.test('an age counts back by the calendar, to the last day where a month is too short', (t) => {
  const months: Array<[now: string, months: number, cutoff: string]> = [
    ['2026-11-20T14:00:00.000Z', 12, '2025-11-20T14:00:00.000Z'],
    ['2026-11-20T14:00:00.000Z', 1_200, '1926-11-20T14:00:00.000Z'],
    ['2026-03-31T23:59:59.999Z', 1, '2026-02-28T23:59:59.999Z'],
    ['2024-03-31T00:00:00.000Z', 1, '2024-02-29T00:00:00.000Z'],
    ['2024-02-29T00:00:00.000Z', 12, '2023-02-28T00:00:00.000Z'],
    ['2026-01-31T00:00:00.000Z', 2, '2025-11-30T00:00:00.000Z']
  ]
  for (const [now, count, cutoff] of months) t.equal(cutoffOf({ months: count }, at(now)), cutoff)
  t.equal(cutoffOf({ days: 1 }, at('2024-03-01T00:00:00.000Z')), '2024-02-29T00:00:00.000Z')
  t.end()
})

t.test('what is not below the floor in days is not below it in months either', (t) => {
  t.strictSame([FLOOR_MONTHS - 1, FLOOR_MONTHS].map((months) => isBelowFloor({ months })),
    [true, false])
  t.strictSame([FLOOR_DAYS - 1, FLOOR_DAYS].map((days) => isBelowFloor({ days })), [true, false])
  fc.assert(fc.property(fc.integer({ min: 0, max: at('2100-01-01T00:00:00.000Z') }), (now) =>
    cutoffOf({ days: FLOOR_DAYS }, now) <= cutoffOf({ months: FLOOR_MONTHS }, now)))
  t.end()
})

t.test('positions come back from a first one and gaps', (t) => {
  const ascending = fc.uniqueArray(fc.bigInt(0n, 2n ** 53n), { minLength: 1, maxLength: 50 })
    .map((positions) => positions.sort((one, other) => one < other ? -1 : 1))
  fc.assert(fc.property(ascending, (positions) => {
    const said = { firstPosition: String(positions[0]), gaps: gapsOf(positions) }
    t.strictSame(positionsOf(said), positions)
  }))
  t.end()
})
