import t from 'tap'
import { splitJson, splitNdjson } from '../../schemas/bodies.ts'
import { takeEvent } from '../../schemas/door.ts'
import { BATCH_MAX_BYTES, EVENT_MAX_BYTES } from '../../schemas/primitives.ts'

/** CPU time that one hostile event may cost; an honest one of its size costs below 1 ms. */
const CPU_MAX_MS = 150

const base = {
  action: 'a', category: 'change', actor: { type: 'user', id: 'u' }, outcome: 'success'
}
const room = EVENT_MAX_BYTES - 1_024
const fill = (text: string): string => text.repeat(Math.floor(room / Buffer.byteLength(text)))
const sent = (members: object): string => JSON.stringify({ ...base, ...members })
const many = <T>(count: number, item: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => item(n))

/** As large as an event may be, and as awkward as its kind can be. */
const events: Record<string, string> = {
  'a pointer of slashes': sent({ changes: [{ path: fill('/') }] }),
  'a pointer of letters': sent({ changes: [{ path: '/' + fill('a') }] }),
  'a pointer that fails at its end': sent({ changes: [{ path: fill('/a') + '~' }] }),
  'an action of dots': sent({ action: 'a' + fill('.a') + '.' }),
  'an action of letters': sent({ action: fill('a') + '!' }),
  'a trace of digits': sent({ context: { traceparent: fill('0') } }),
  'a time of digits': sent({ occurredAt: fill('2026-') }),
  'a tenant of dashes': sent({ entity: { type: fill('a-') + ' ', id: '1' } }),
  'brackets without an end': fill('['),
  'objects without an end': fill('{"a":'),
  quotes: fill('"'),
  backslashes: '"' + fill('\\'),
  'a key many times': `{${fill('"a":1,')}"a":1}`,
  'escapes only': JSON.stringify('x') + fill('\\u0000'),
  'escaped text': `"${fill('\\u0061')}"`,
  'half surrogates': `["${fill('\\ud800')}"]`,
  'unknown members': sent(Object.fromEntries(many(4_000, (n) => [`k${n}`, n]))),
  'digits only': fill('9'),
  'a long fraction': '0.' + fill('1'),
  'an exponent of digits': '1e' + fill('9'),
  'numbers that need a look': `[${fill('0.12345678901234567,')}1]`,
  'numbers that are refused': `[${fill('1e999,')}1]`,
  'personal paths that overlap': sent({
    data: { a: { a: { a: 1 } } },
    personal: many(20, () => ({
      subject: { type: 't', id: '1' },
      paths: many(64, (n) => '/data' + '/a'.repeat(n % 4))
    }))
  }),
  'personal paths as long as can be': sent({
    description: 'x',
    personal: many(2, () => ({
      subject: { type: 't', id: '1' }, paths: many(60, () => '/data' + '/'.repeat(500))
    }))
  }),
  'changes that contradict': sent({
    before: { a: fill('x').slice(0, 9_000) },
    changes: many(1_000, () => ({ path: '/a', before: 1 }))
  })
}

for (const [name, text] of Object.entries(events)) {
  t.test(`refused soon: ${name}`, async (t) => {
    const bytes = Buffer.from(text)
    t.ok(bytes.length <= EVENT_MAX_BYTES, `${bytes.length} bytes`)
    takeEvent(bytes)
    const start = process.cpuUsage()
    const answer = takeEvent(bytes)
    const { user, system } = process.cpuUsage(start)
    const usedMs = (user + system) / 1_000
    t.ok(usedMs < CPU_MAX_MS, `${usedMs} ms`)
    t.notOk(answer.ok)
  })
}

t.test('a whole body of separators is split soon, into no more than is looked at', async (t) => {
  const start = process.cpuUsage()
  for (const text of [',', '\n', '[', '"', '1\n', '{},', '"\\"",']) {
    const body = text.repeat(BATCH_MAX_BYTES / text.length)
    const array = splitJson(Buffer.from('[' + body))
    t.ok(!array.ok || array.items.length <= 1_001, JSON.stringify(text))
    t.ok(splitNdjson(Buffer.from(body)).length <= 1_001)
  }
  const { user, system } = process.cpuUsage(start)
  t.ok((user + system) / 1_000 < 2_000, `${(user + system) / 1_000} ms`)
})
