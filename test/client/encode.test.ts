import fc from 'fast-check'
import t from 'tap'
import { EVENT_MAX_BYTES } from '../../schemas/limits.ts'
import { encode } from '../../src/client/encode.ts'
import { UnsendableError } from '../../src/client/errors.ts'
import type { EventInput } from '../../src/client/event.ts'
import { event as anyEvent } from '../schemas/event-arbitrary.ts'
import { orderEvent } from './ledger.ts'

const deps = { now: () => 0, newId: () => '00000000-0000-7000-8000-000000000001' }
const withData = (data: Record<string, unknown>): EventInput => orderEvent('1', { data })

t.test('what was given is what is sent, with an id and a time', async (t) => {
  fc.assert(fc.property(anyEvent, (event) => {
    const { text, id, bytes } = encode(event as EventInput, deps)
    t.equal(bytes, Buffer.byteLength(text))
    t.strictSame(JSON.parse(text), {
      ...event,
      id: event.id ?? deps.newId(),
      occurredAt: event.occurredAt ?? '1970-01-01T00:00:00.000Z'
    })
    t.equal(JSON.parse(text).id, id)
  }))
})

t.test('what JSON would lose is not sent, and its place is told', async (t) => {
  const cyclic: Record<string, unknown> = {}
  cyclic['self'] = cyclic
  const rows: Array<[Record<string, unknown>, string, RegExp]> = [
    [{ n: NaN }, '/data/n', /is NaN/],
    [{ list: [1, -Infinity] }, '/data/list/1', /is -Infinity/],
    [{ list: [1, undefined] }, '/data/list/1', /is undefined/],
    [{ 'a/b': 1n }, '/data/a~1b', /is a bigint/],
    [{ f: () => 1 }, '/data/f', /is a function/],
    [{ s: Symbol('s') }, '/data/s', /is a symbol/],
    [{ m: { deep: new Map() } }, '/data/m/deep', /is a Map/],
    [{ e: new Error('gone') }, '/data/e', /is a Error/],
    [{ r: /x/ }, '/data/r', /is a RegExp/],
    [cyclic, `/data${'/self'.repeat(64)}`, /contains itself/]
  ]
  for (const [data, pointer, detail] of rows) {
    t.throws(() => encode(withData(data), deps), {
      name: 'UnsendableError', violations: [{ pointer, detail }]
    }, pointer)
  }
})

t.test('what JSON says in its own way is sent so', async (t) => {
  class Money { cents = 5 }
  const data = { at: new Date(0), money: new Money(), url: new URL('http://h/'), none: undefined }
  t.strictSame(JSON.parse(encode(withData(data), deps).text).data, {
    at: '1970-01-01T00:00:00.000Z', money: { cents: 5 }, url: 'http://h/'
  })
})

t.test('an event has so many bytes at most, its id and time included', async (t) => {
  const { bytes } = encode(withData({ filler: '' }), deps)
  const full = withData({ filler: 'x'.repeat(EVENT_MAX_BYTES - bytes) })
  t.equal(encode(full, deps).bytes, EVENT_MAX_BYTES)
  const beyond = withData({ filler: 'x'.repeat(EVENT_MAX_BYTES - bytes + 1) })
  t.throws(() => encode(beyond, deps), UnsendableError)
})
