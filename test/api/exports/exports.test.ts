import { hash } from 'node:crypto'
import t from 'tap'
import type { EventView } from '../../../schemas/http/events.ts'
import { parseCsv } from '../../exports/parse-csv.ts'
import { event, testService } from '../service.ts'
import { exporting } from './exporting.ts'

const service = await testService(t)
const { append, call } = service
const { ask, become, download, read, ready, recorded } = exporting(service)

const MADE = 600
await append('acme', Array.from({ length: MADE }, (_, n) => event({
  entity: { type: 'order', id: `o-${n % 7}` },
  outcome: n % 3 === 0 ? 'failure' : 'success',
  description: n === 5 ? '=HYPERLINK("x")' : `Nummer ${n} – ü, "q"`,
  context: { ip: '203.0.113.9', requestId: `r-${n}` },
  tags: n % 10 === 0 ? ['tenth'] : []
})))
await append('acme', [event({
  actor: { type: 'service', id: 'billing' }, entity: { type: 'student', id: 's-9', name: 'Bo' }
})])
await append('globex', [event({ description: 'of globex' })])

/** Everything that the list shows for a query, oldest first. */
async function listed (query: string): Promise<EventView[]> {
  const items: EventView[] = []
  for (let cursor = ''; ;) {
    const url = `/v1/events?limit=200&${query}${cursor && `&cursor=${cursor}`}`
    const page = (await call('acme.compliance', url)).json()
    items.push(...page.items)
    if (page.nextCursor === null) return items.reverse()
    cursor = page.nextCursor
  }
}

const upTo: string = (await listed('action=order.updated')).at(-1)?.position ?? ''
const orders = { action: 'order.updated', upTo }

t.test('a JSON export is the list, opened, oldest first', async (t) => {
  const asked = await ask({ format: 'json', ...orders })
  t.equal(asked.statusCode, 202, asked.body)
  t.match(asked.json(), { state: 'preparing', upTo, filters: { action: 'order.updated' } })
  t.equal(asked.headers['location'], `/v1/exports/${asked.json().id}`)
  const view = await become(asked.json().id, 'ready')
  const answer = await download(view.id)
  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
  t.strictSame(answer.json(), await listed('action=order.updated'))
  t.match(view, {
    progress: 1,
    events: MADE + 1,
    bytes: Buffer.byteLength(answer.body),
    sha256: hash('sha256', answer.body),
    requestedBy: { name: 'compliance' }
  })
  t.equal(answer.headers['etag'], `"${view.sha256}"`)
  t.equal(answer.headers['content-length'], String(view.bytes))
  t.equal(answer.headers['repr-digest'],
    `sha-256=:${hash('sha256', answer.body, 'base64')}:`)
  t.match(answer.headers['content-disposition'], `filename="acme-${upTo}.json"`)
  t.notOk(answer.body.includes('globex'))
})

t.test('NDJSON and CSV say the same', async (t) => {
  const events = await listed('action=order.updated')
  const lines = await download((await ready({ format: 'ndjson', ...orders })).id)
  t.equal(lines.headers['content-type'], 'application/x-ndjson')
  t.strictSame(lines.body.trimEnd().split('\n').map((line) => JSON.parse(line)), events)
  const table = await download((await ready({ format: 'csv', ...orders })).id)
  t.equal(table.headers['content-type'], 'text/csv; charset=utf-8; header=present')
  const [names = [], ...records] = parseCsv(table.body)
  const column = (name: string): string[] =>
    records.map((cells) => cells[names.indexOf(name)] ?? '')
  t.strictSame(column('id'), events.map(({ id }) => id))
  t.equal(column('actorEmail')[0], 'alice@example.com')
  t.equal(column('ip')[0], '203.0.113.9')
  t.equal(column('entityName').at(-1), 'Bo')
  const formulas = column('description').filter((cell) => cell.includes('HYPERLINK'))
  t.strictSame(formulas, ["'=HYPERLINK(\"x\")"])
})

t.test('the filters are those of the list, and choose the same', async (t) => {
  const filters: Array<Record<string, string>> = [
    { outcome: 'failure' }, { tag: 'tenth' }, { actor: 'u-81' }, { actor: 'service:billing' },
    { entity: 'order:o-3' }, { entity: 'student:s-9' }, { entityType: 'order' },
    { category: 'change', source: 'producer' }, { actor: 'u-81', ip: '203.0.113.9' },
    { recordedFrom: '2020-01-01T00:00:00Z', recordedTo: '2099-01-01T00:00:00Z', tag: 'tenth' }
  ]
  for (const filter of filters) {
    const view = await ready({ format: 'json', ...orders, ...filter })
    const query = new URLSearchParams({ action: 'order.updated', ...filter })
    const got = (await download(view.id)).json()
    t.strictSame(got, await listed(query.toString()), query.toString())
    t.ok(got.length > 0 && view.events === got.length)
    await call('acme.compliance', { method: 'DELETE', url: `/v1/exports/${view.id}` })
  }
  for (const unknown of [{ limit: 5 }, { cursor: 'x' }, { q2: 'x' }, { render: true }]) {
    t.equal((await ask({ format: 'json', ...unknown })).statusCode, 400)
  }
  t.equal((await ask({ format: 'xml' })).statusCode, 400)
})

t.test('what is on record names nobody in clear', async (t) => {
  const filter = { actor: 'u-81', ip: '203.0.113.9', entity: 'order:o-3' }
  const { id } = await ready({ format: 'csv', ...filter })
  await download(id)
  for (const action of ['ledger.export_requested', 'ledger.exported']) {
    const [found] = await recorded(action, id)
    t.notMatch(JSON.stringify(found), /u-81|203\.0\.113\.9|Alice/, action)
    t.match(found.data.filters, {
      actor: { type: 'user', key: /^[0-9a-f-]{36}$/ }, ip: [/./], entity: { key: 'o-3' }
    })
    t.equal(found.data.filters.ip.length, 1)
    t.equal(found.actor.name, 'compliance')
  }
  for (const unknown of [{ actor: 'nobody-known' }, { ip: '198.51.100.77' }, { tag: 'none' }]) {
    t.equal((await ask({ format: 'csv', ...unknown })).statusCode, 404)
  }
  const all = await call('acme.auditor', '/v1/events?action=ledger.*&limit=200')
  t.notMatch(all.body, /nobody-known|198\.51\.100\.77/)
})

t.test('the same again is the same bytes, whatever came since', async (t) => {
  const first = await ready({ format: 'csv' })
  await append('acme', [event()])
  const second = await ready({ format: 'csv', upTo: first.upTo })
  t.not(first.id, second.id)
  t.equal(second.sha256, first.sha256)
  t.equal(second.events, first.events)
  const later = await ready({ format: 'csv' })
  t.ok(Number(later.events) > Number(first.events))
  const beyond = await ask({ format: 'csv', upTo: '9000000000000000000' })
  t.match(beyond.json(), { status: 400, violations: [{ pointer: '/upTo' }] })
})

t.test('a download goes on where it broke off', async (t) => {
  const { id, sha256, bytes } = await ready({ format: 'ndjson', ...orders })
  const whole = (await download(id)).rawPayload
  const etag = `"${sha256}"`
  const part = async (range: string, more = {}) => await download(id, { range, ...more })
  const end = Number(bytes)
  for (const from of [1, 70_000, end - 1]) {
    const rest = await part(`bytes=${from}-`, { 'if-range': etag })
    t.equal(rest.statusCode, 206)
    t.equal(rest.headers['content-range'], `bytes ${from}-${end - 1}/${end}`)
    t.ok(rest.rawPayload.equals(whole.subarray(from)), `from ${from}`)
  }
  const middle = await part('bytes=100-199')
  t.ok(middle.rawPayload.equals(whole.subarray(100, 200)))
  t.equal((await part('bytes=0-')).statusCode, 200)
  t.equal((await part('bytes=5-', { 'if-range': '"other"' })).statusCode, 200)
  const past = await part(`bytes=${end}-`)
  t.equal(past.statusCode, 416)
  t.equal(past.headers['content-range'], `bytes */${end}`)
  t.equal((await download(id, { 'if-match': '"other"' })).statusCode, 412)
  t.equal((await download(id, { 'if-match': etag })).statusCode, 200)
})

t.test('who took it is on record, many at once as one', async (t) => {
  const { id, sha256 } = await ready({ format: 'ndjson', ...orders })
  for (let i = 0; i < 4; i++) await download(id, { range: 'bytes=10-' })
  const found = await recorded('ledger.export_downloaded', id)
  t.equal(found.length, 1)
  t.match(found[0], {
    category: 'access', actor: { name: 'compliance' }, data: { sha256, from: 10, times: 1 }
  })
  t.match(await read(id), { downloads: 1, downloadedBy: [{ name: 'compliance' }] })
  const [made] = await recorded('ledger.exported', id)
  t.match(made.data, { operation: 'export', sha256, rowCount: MADE + 1, upTo, format: 'ndjson' })
  t.ok(BigInt(made.position) < BigInt(found[0].position))
})

t.test('a deleted export is gone, and deleting it again is nothing', async (t) => {
  const { id } = await ready({ format: 'json', tag: 'tenth' })
  const remove = async () => await call('acme.compliance', {
    method: 'DELETE', url: `/v1/exports/${id}`
  })
  t.match((await remove()).json(), { state: 'deleted' })
  t.match((await remove()).json(), { state: 'deleted' })
  t.match((await download(id)).json(), { status: 410, state: 'deleted' })
  t.equal((await recorded('ledger.export_deleted', id)).length, 1)
  t.match((await read(id)).state, 'deleted')
})

t.test('exports are listed newest first, page by page', async (t) => {
  const ids: string[] = []
  for (let url = '/v1/exports?limit=4'; ;) {
    const page = (await call('acme.auditor', url)).json()
    ids.push(...page.items.map(({ id }: { id: string }) => id))
    if (page.nextCursor === null) break
    url = `/v1/exports?limit=4&cursor=${page.nextCursor}`
  }
  t.ok(ids.length > 10)
  t.strictSame(ids, [...ids].sort().reverse(), 'ids ascend with time')
  t.strictSame((await call('globex.auditor', '/v1/exports')).json().items, [])
})

t.test('exports are counted', async (t) => {
  const { body } = await call(undefined, '/metrics')
  t.match(body, /ledger_exports_total\{format="csv",result="prepared"\} [1-9]/)
  t.match(body, /ledger_exports_total\{format="json",result="downloaded"\} [1-9]/)
  t.match(body, /ledger_export_bytes_total\{format="ndjson"\} [1-9]/)
})

t.test('an export by a person is part of the trail and the report of that person', async (t) => {
  const { id } = await ready({ format: 'ndjson', actor: 'u-81' })
  await download(id)
  await recorded('ledger.export_downloaded', id)
  const report = await call('acme.compliance', '/v1/subjects/user/u-81/report')
  const lines = report.body.trim().split('\n').map((line) => JSON.parse(line))
  const { ref } = lines[0].subject
  const trail = `/v1/entities/ledger_subject/${ref}/events?action=ledger.*`
  const actions = (await call('acme.auditor', trail)).json().items
    .filter(({ entity }: EventView) => entity && 'id' in entity && entity.id === id)
    .map(({ action }: EventView) => action)
  const all = ['ledger.export_downloaded', 'ledger.exported', 'ledger.export_requested']
  t.strictSame(actions, all)
  t.strictSame(lines.filter(({ kind, event }) => kind === 'read' && event.entity.id === id)
    .map(({ event }) => event.action), all.toReversed())
  const other = await ready({ format: 'ndjson', action: 'order.updated', upTo })
  t.notOk((await recorded('ledger.exported', other.id))[0].related, 'of nobody by name')
})
