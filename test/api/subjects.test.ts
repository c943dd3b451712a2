import { randomUUID } from 'node:crypto'
import { Value } from '@sinclair/typebox/value'
import t from 'tap'
import { ReportLine } from '../../schemas/http/subjects.ts'
import { createLookup } from '../../src/api/lookup.ts'
import { createLedger } from '../../src/ledger/ledger.ts'
import { ranEvent } from '../../src/ledger/retention-events.ts'
import { erasingService, person } from './erasing.ts'
import { until, type Answer } from './service.ts'

const service = await erasingService(t)
const { append, send, get } = service

interface Line {
  kind: string
  event: Record<string, any> // eslint-disable-line
  counts: Record<string, number>
  [name: string]: unknown
}

const report = async (path: string, key = 'acme.compliance'): Promise<Answer> =>
  await get(`/v1/subjects/${path}/report`, key)
const linesOf = ({ body }: Answer): Line[] =>
  body.trim().split('\n').map((line) => JSON.parse(line))

t.test('a report has everything about one person, and nothing of others', async (t) => {
  const did = await append('acme', person('u-asks', { entity: { type: 'order', id: '1' } }))
  const about = await append('acme', person('u-clerk', {
    entity: { type: 'user', id: 'u-asks', name: 'Asker' },
    data: { note: 'Asker is late', case: 7 },
    personal: [{ subject: { type: 'user', id: 'u-asks' }, paths: ['/data/note'] }]
  }))
  const related = [{ type: 'user', id: 'u-asks' }]
  const named = await append('acme', person('u-clerk', { related }))
  const inside = await append('acme', person('u-clerk', {
    data: { note: 'Asker again' },
    personal: [{ subject: { type: 'user', id: 'u-asks' }, paths: ['/data/note'] }]
  }))
  await append('acme', person('u-clerk'))
  await get('/v1/users/u-asks/events')
  const hold = await send('acme.compliance', '/v1/holds', {
    subject: { type: 'user', id: 'u-asks' }, reason: 'case 7'
  })
  await send('acme.compliance', '/v1/erasures', {
    subject: { type: 'user', id: 'u-asks' }, legalBasis: 'art. 17', reason: 'asked'
  })
  const isTold = (answer: Answer): boolean => {
    const { counts } = linesOf(answer)[0] ?? {}
    return counts?.['reads'] !== undefined && counts['reads'] >= 2 &&
      counts['holds'] === 1 && counts['erasures'] === 1
  }
  const answer = await until(async () => await report('user/u-asks'), isTold)
  t.equal(answer.statusCode, 200, answer.body)
  t.equal(answer.headers['content-type'], 'application/x-ndjson')
  const lines = linesOf(answer)
  for (const line of lines) t.strictSame([...Value.Errors(ReportLine, line)], [])
  const [head, end] = [lines[0], lines.at(-1)]
  t.match(head, { kind: 'head', subject: { type: 'user', id: 'u-asks' }, counts: { events: 4 } })
  t.match(head?.['position'], /^\d+$/)
  t.match(end, { kind: 'end', complete: true, counts: head?.counts ?? {} })

  const events = lines.filter(({ kind }) => kind === 'event').map(({ event }) => event)
  t.strictSame(events.map(({ id }) => id), [did, about, named, inside].map(({ id }) => id))
  t.match(events, [
    { actor: { id: 'u-asks', name: 'Canary u-asks' }, context: { ip: '203.0.113.7' } },
    {
      actor: { type: 'user', sealed: true },
      entity: { id: 'u-asks', name: 'Asker' },
      data: { note: 'Asker is late', case: 7 }
    },
    { related: [{ type: 'user', id: 'u-asks' }] },
    { data: { note: 'Asker again' }, actor: { sealed: true } }
  ])
  t.notMatch(answer.body, /u-clerk/, 'others stay sealed')
  t.match(lines.find(({ kind }) => kind === 'hold'), { hold: { id: hold.json().id, active: true } })
  t.match(lines.find(({ kind }) => kind === 'erasure'), { erasure: { waitingFor: ['hold'] } })
  const reads = lines.filter(({ kind }) => kind === 'read').map(({ event }) => event['data'])
  t.match(reads, [
    { operation: 'GET /v1/users/:id/events', permission: 'auditor' },
    { operation: 'GET /v1/subjects/:type/:id/report', permission: 'compliance' }
  ], 'the reports before are among them')
})

t.test('it is long, read page by page, and says what was left out', async (t) => {
  await append('acme', Array.from({ length: 450 }, (_, n) => person('u-long', {
    entity: { type: 'order', id: `long-${n}` }
  })))
  const lines = linesOf(await report('user/u-long'))
  t.equal(lines.length, 452)
  const positions = lines.slice(1, -1).map(({ event }) => BigInt(event['position']))
  t.strictSame(positions, positions.toSorted((one, other) => one < other ? -1 : 1), 'in order')
  t.equal(new Set(positions).size, 450)
})

t.test('what retention removed is told from the log, without who was erased', async (t) => {
  const kept = await append('acme', person('u-removed', { entity: { type: 'order', id: 'kept' } }))
  const entity = { type: 'user', id: 'u-other' }
  const gone = await append('acme', person('u-removed', { entity }))
  const last = await append('acme', person('u-removed', { entity: { type: 'order', id: 'last' } }))
  const ledger = createLedger({
    log: service.log,
    vault: {
      provision: async () => new Map(), keys: async () => new Map(), find: async () => undefined
    },
    lookup: createLookup(service.database.pool('ledger_api')),
    now: Date.now,
    newId: randomUUID
  })
  await ledger.recordOwn('acme', [ranEvent('acme', randomUUID(), {
    category: null,
    action: null,
    cutoff: new Date().toISOString(),
    positions: [BigInt(gone.position), BigInt(last.position)],
    held: 0,
    holds: []
  })])
  const isGone = ({ statusCode }: Answer): boolean => statusCode === 410
  t.equal((await until(async () => await get(`/v1/events/${last.id}`), isGone)).statusCode, 410)
  const erasure = await service.erase('u-other')
  const lines = linesOf(await report('user/u-removed'))
  for (const line of lines) t.strictSame([...Value.Errors(ReportLine, line)], [])
  t.match(lines.at(-1), { kind: 'end', complete: true, counts: lines[0]?.counts ?? {} })
  const told = lines.filter(({ kind }) => kind === 'event')
  t.strictSame(told.map(({ event, removed }) => [event['id'], removed]),
    [[kept.id, undefined], [gone.id, true], [last.id, true]])
  t.match(told[1]?.event, {
    position: gone.position,
    action: 'order.updated',
    leafHash: /^[0-9a-f]{64}$/,
    actor: { id: 'u-removed', name: 'Canary u-removed' },
    entity: { type: 'user', erased: true, erasure: erasure.id }
  })
  const { result } = await service.erase('u-removed')
  t.match(result, {
    events: 3, firstPosition: kept.position, lastPosition: last.position, rows: { entry: 1 }
  })
})

t.test('persons of every type, by id or ref; nobody else', async (t) => {
  await append('acme', person('u-2', { entity: { type: 'customer', id: 'c-1', name: 'Carol' } }))
  const lines = linesOf(await report('customer/c-1'))
  t.match(lines[1], { event: { entity: { name: 'Carol' }, actor: { sealed: true } } })
  const { ref } = lines[0]?.['subject'] as { ref: string }
  t.match(linesOf(await report(`customer/${ref}`))[1], lines[1] ?? {})

  for (const [path, key] of [
    ['user/nobody'], ['customer/u-2'], ['order/1'], ['user/c-1'],
    ['customer/c-1', 'globex.compliance']
  ] as const) t.equal((await report(path, key)).statusCode, 404, path)
  for (const role of ['auditor', 'producer', 'self', 'admin']) {
    t.equal((await report('customer/c-1', `acme.${role}`)).statusCode, 403, role)
  }
  t.equal((await get('/v1/subjects/user/u-2/report?x=1', 'acme.compliance')).statusCode, 400)
})

t.test('of who was erased there is no report; by the ref it says by which erasure', async (t) => {
  await append('acme', person('u-left'))
  const [head] = linesOf(await report('user/u-left'))
  const { ref } = head?.['subject'] as { ref: string }
  const erasure = await service.erase('u-left')
  const byId = await report('user/u-left')
  t.equal(byId.statusCode, 404)
  t.notOk('erasure' in byId.json(), 'nobody knows any more whose id it was')
  const byRef = await report(`user/${ref}`)
  t.match(byRef.json(), { status: 404, erasure: erasure.id })
  const trail = (await get(`/v1/entities/ledger_subject/${ref}/events`)).json().items
  t.match(trail, [{ action: 'ledger.read', data: { filters: { subject: { ref } } } }],
    'that it was read stays on record')
})
