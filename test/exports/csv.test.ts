import fc from 'fast-check'
import t from 'tap'
import type { EventView } from '../../schemas/http/events.ts'
import { CSV_HEADER, csvRecords } from '../../src/exports/csv.ts'
import { parseCsv } from './parse-csv.ts'

const COLUMNS = CSV_HEADER.trim().split(',')

function view (said: Partial<EventView> = {}): EventView {
  return {
    id: '01990000-0000-7000-8000-000000000001',
    stream: 'acme.order-1',
    revision: '0',
    position: '100',
    action: 'order.updated',
    category: 'change',
    outcome: 'success',
    leafHash: 'ab'.repeat(32),
    actor: { type: 'service', id: 'billing' },
    occurredAt: '2026-11-20T07:13:00.000Z',
    recordedAt: '2026-11-20T07:13:00.001Z',
    source: 'shop',
    ...said
  }
}

function cellsOf (said: Partial<EventView>): Record<string, string> {
  const [cells = []] = parseCsv(csvRecords([view(said)]))
  return Object.fromEntries(COLUMNS.map((name, at) => [name, cells[at] ?? 'none']))
}

t.test('the columns are those that were promised, in their order', async (t) => {
  t.strictSame(COLUMNS, [
    'position', 'id', 'recordedAt', 'occurredAt', 'action', 'category', 'outcome', 'source',
    'actorType', 'actorId', 'actorName', 'actorEmail', 'actorHidden', 'entityType', 'entityId',
    'entityName', 'entityHidden', 'related', 'description', 'tags', 'ip', 'userAgent', 'sessionId',
    'requestId', 'traceparent', 'correlationId', 'causationId', 'before', 'after', 'changes',
    'data', 'stream', 'revision', 'leafHash'
  ])
  t.ok(CSV_HEADER.endsWith('\r\n'))
})

t.test('everything of an event is in its record', async (t) => {
  const cells = cellsOf({
    actor: { type: 'user', id: 'u-1', name: 'Ann, "A"', email: 'a@example.com' },
    entity: { type: 'order', id: '7', name: 'Seven' },
    related: [{ type: 'invoice', id: '9' }],
    description: 'two\nlines',
    tags: ['vip', 'eu'],
    context: { ip: '10.0.0.1', requestId: 'r' },
    before: { a: 1 },
    after: { a: null }
  })
  t.match(cells, {
    position: '100',
    actorId: 'u-1',
    actorName: 'Ann, "A"',
    entityName: 'Seven',
    related: '[{"type":"invoice","id":"9"}]',
    description: 'two\nlines',
    tags: '["vip","eu"]',
    ip: '10.0.0.1',
    requestId: 'r',
    before: '{"a":1}',
    after: '{"a":null}',
    data: '',
    sessionId: ''
  })
})

t.test('a value that is hidden says why', async (t) => {
  t.match(cellsOf({
    actor: { type: 'user', erased: true },
    entity: { type: 'student', sealed: true },
    description: { erased: true },
    context: { ip: { tampered: true } }
  }), {
    actorType: 'user',
    actorId: '',
    actorHidden: 'erased',
    entityHidden: 'sealed',
    description: '{"erased":true}',
    ip: '{"tampered":true}'
  })
})

t.test('no cell is a formula, whatever it begins with', async (t) => {
  const first = ['=', '+', '-', '@', '\t', '\r', '\u0000', '＝', '＋', '－', '＠']
  for (const mark of first) {
    const text = `${mark}cmd|' /C calc'!A0`
    t.equal(cellsOf({ description: text })['description'], `'${text}`, JSON.stringify(mark))
  }
  for (const harmless of ["'=1", 'a=1', ' =1', '1-1']) {
    t.equal(cellsOf({ description: harmless })['description'], harmless)
  }
})

t.test('any text comes back as it was, but for the apostrophe', async (t) => {
  const text = fc.string({ unit: fc.constantFrom(...'a=+-@"\', \r\n\t\u0000é漢😀;|') })
  fc.assert(fc.property(text, text, (description, source) => {
    const cells = cellsOf({ description, source })
    for (const [given, cell] of [[description, cells['description']], [source, cells['source']]]) {
      const escaped = /^[=+\-@\t\r\0]/.test(given ?? '')
      if (cell !== (escaped ? `'${given}` : given)) return false
    }
    return true
  }))
})
