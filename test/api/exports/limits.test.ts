import { randomUUID } from 'node:crypto'
import pg from 'pg'
import t from 'tap'
import { EXPORTS_KEPT_MAX } from '../../../schemas/http/exports.ts'
import { event, testService, until } from '../service.ts'
import { exporting } from './exporting.ts'

const service = await testService(t)
const { append, call, database } = service
const { ask, become, download, read, ready, recorded } = exporting(service)

await append('acme', Array.from({ length: 20 }, () => event()))

const superuser = new pg.Client(database.superuserUrl)
await superuser.connect()
t.teardown(async () => { await superuser.end() })
const TABLE = 'exports_v2_g1.export'

/** Rows of exports of acme as another process would have left them: asked for, and no more. */
async function leave (count: number, upTo = '0'): Promise<string[]> {
  const ids = Array.from({ length: count }, () => randomUUID())
  await superuser.query(`
    insert into ${TABLE} (tenant, id, position, format, filters, up_to, requested_at,
      requested_by, requested_by_name, expires_at)
    select 'acme', id, 1, 'json', '{}', $2, now(), 'k', 'compliance', now() + interval '1 day'
    from unnest($1::uuid[]) as id`,
  [ids, upTo])
  return ids
}

t.test('an export lives as long as was asked for, at most 30 days', async (t) => {
  const lifeOf = async (days?: number): Promise<number> => {
    const view = (await ask({ format: 'csv', ...days === undefined ? {} : { days } })).json()
    return Math.round((Date.parse(view.expiresAt) - Date.now()) / 86_400_000)
  }
  t.equal(await lifeOf(), 7)
  t.equal(await lifeOf(1), 1)
  t.equal(await lifeOf(30), 30)
  for (const days of [0, 31, 1.5]) t.equal((await ask({ format: 'csv', days })).statusCode, 400)
})

t.test('past its time it is gone', async (t) => {
  const { id } = await ready({ format: 'csv' })
  t.equal((await download(id)).statusCode, 200)
  await superuser.query(`update ${TABLE} set expires_at = now() where id = $1`, [id])
  t.match((await download(id)).json(), {
    status: 410, type: '/problems/export-gone', state: 'expired'
  })
  t.equal((await read(id)).state, 'expired')
})

t.test('what nobody is preparing any more is taken up by who asks', async (t) => {
  const { upTo } = await ready({ format: 'json' })
  const [id = ''] = await leave(1, upTo)
  const first = await download(id)
  t.match(first.json(), { status: 503, type: '/problems/export-not-ready' })
  t.equal(first.headers['retry-after'], '1')
  const view = await become(id, 'ready')
  t.equal(JSON.parse((await download(id)).body).length, view.events)
  const [made] = await recorded('ledger.exported', id)
  t.match(made.actor, { type: 'service', name: 'compliance' }, 'in the name of who asked')
})

t.test('a retention run changes what an export shows', async (t) => {
  const { id, sha256 } = await ready({ format: 'json' })
  await superuser.query(`
    insert into retention_v1_g1.retention_policy (
      tenant, id, position, category, reason, forced, set_at, set_by, age_days, runs, removed)
    values ('acme', $1, 1, 'api', 'r', true, now(), 'k', 1, 1, 0)`, [randomUUID()])
  t.match((await download(id)).json(), { status: 503, state: 'preparing' })
  t.match(await become(id, 'ready'), { sha256 }, 'nothing of it was removed, so it is the same')
  t.equal((await recorded('ledger.exported', id)).length, 2)
  await superuser.query('delete from retention_v1_g1.retention_policy')
})

t.test('what is not what is on record does not leave whole', async (t) => {
  const { id, sha256 } = await ready({ format: 'ndjson' })
  await superuser.query(`update ${TABLE} set sha256 = $2 where id = $1`, [id, '0'.repeat(64)])
  const url = await service.app.listen({ host: '127.0.0.1', port: 0 })
  const answer = await fetch(`${url}/v1/exports/${id}/download`, {
    headers: { authorization: `Bearer ${service.keys['acme.compliance']}` }
  })
  await t.rejects(answer.text())
  const mended = { state: 'ready', sha256 }
  t.match(await until(async () => await read(id),
    (view) => view.state === mended.state && view.sha256 === sha256), mended)
  t.equal((await download(id)).statusCode, 200)
})

t.test(`${EXPORTS_KEPT_MAX} exports are kept, and not one more`, async (t) => {
  const { rows: [row] } = await superuser.query(
    `select count(*)::int as kept from ${TABLE}
     where tenant = 'acme' and deleted_at is null and expires_at > now()`)
  const [last = ''] = await leave(EXPORTS_KEPT_MAX - 1 - row.kept)
  t.equal((await ask({ format: 'json' })).statusCode, 202)
  t.match((await ask({ format: 'json' })).json(), {
    status: 409, type: '/problems/wrong-state', detail: /100 exports are kept/
  })
  t.equal((await call('acme.compliance', {
    method: 'DELETE', url: `/v1/exports/${last}`
  })).statusCode, 200)
  t.equal((await ask({ format: 'json' })).statusCode, 202)
})

t.test('without the log nothing leaves', async (t) => {
  const { rows: [row] } = await superuser.query(
    `select id from ${TABLE} where format = 'csv' and prepared_at is not null
     and expires_at > now() and downloads = 0 limit 1`)
  await service.node.stop()
  t.match((await ask({ format: 'csv' })).json(), { status: 503 })
  const answer = await download(row.id)
  t.match(answer.json(), { status: 503, type: '/problems/log-unavailable' })
  t.equal((await read(row.id)).state, 'ready', 'that can be read all the while')
})
