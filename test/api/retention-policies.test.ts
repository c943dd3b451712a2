import { randomUUID } from 'node:crypto'
import pg from 'pg'
import t from 'tap'
import { countDue } from '../../projections/retention/due.ts'
import type { EventInput } from '../../schemas/events/index.ts'
import { POLICIES_MAX } from '../../schemas/http/retention-policies.ts'
import { createLookup } from '../../src/api/lookup.ts'
import { verifyLive } from '../../src/cli/verify/live.ts'
import { remoteLedger } from '../../src/cli/verify/remote.ts'
import { mintId } from '../../src/ledger/ids.ts'
import { createLedger } from '../../src/ledger/ledger.ts'
import { inTenant } from '../../src/postgres/transaction.ts'
import type { Finding } from '../../src/proof/finding.ts'
import { parseVerifierKey } from '../../src/proof/keys.ts'
import { policyOf } from '../../src/proof/policy.ts'
import { verifyProof } from '../../src/proof/verify.ts'
import { testService, until, type Answer } from './service.ts'

const service = await testService(t)
const { app, append, call, database, keys, log } = service
const OLD = Date.UTC(2023, 4, 1)

const get = async (url: string, key = 'acme.auditor'): Promise<Answer> => await call(key, url)
const post = async (url: string, payload: object = {}, key = 'acme.compliance'): Promise<Answer> =>
  await call(key, { method: 'POST', url, payload })

/** Records what programs did three years ago, and waits until reads show it; the ids. */
async function appendOld (events: readonly EventInput[], tenant = 'acme'): Promise<string[]> {
  const nobody = { provision: async () => new Map(), keys: async () => new Map() }
  const ledger = createLedger({
    log,
    vault: { ...nobody, find: async () => undefined },
    lookup: createLookup(database.pool('ledger_api')),
    now: () => OLD,
    newId: mintId
  })
  const receipts = (await ledger.record({ tenant, settings: {}, source: 'producer' }, events))
    .map((result) => {
      if (!result.ok) throw result.error
      return result.receipt
    })
  const last = receipts.reduce((most, { position }) => position > most ? position : most, 0n)
  const headers = { 'ledger-at-least': String(last) }
  await until(async () => await call(`${tenant}.auditor`, { url: '/v1/events?limit=1', headers }),
    ({ statusCode }) => statusCode === 200)
  return receipts.map(({ id }) => id)
}

function old (n: number, said: Partial<EventInput> = {}): EventInput {
  return {
    id: randomUUID(),
    action: 'stock.counted',
    category: 'change',
    actor: { type: 'service', id: 'counter' },
    entity: { type: 'shelf', id: 's-1' },
    outcome: 'success',
    after: { count: n, [`of${n}`]: n },
    ...said
  } as EventInput
}

/** Sets a policy and waits until it has run; the policy's JSON. */
async function ran (policy: object): Promise<{ id: string, removed: number }> {
  const made = await post('/v1/retention-policies', { reason: 'Storage limitation', ...policy })
  t.equal(made.statusCode, 201, made.body)
  const url = made.headers.location
  const done = (answer: Answer): boolean => answer.json().runs > 0
  return (await until(async () => await get(String(url)), done)).json()
}

t.test('rows are kept for twelve months unless a policy is forced', async (t) => {
  const policies: Array<[object, string | undefined]> = [
    [{ age: { months: 11 } }, '/age/months'], [{ age: { months: 12 } }, undefined],
    [{ age: { days: 365 } }, '/age/days'], [{ age: { days: 366 } }, undefined],
    [{ age: { months: 11 }, forced: false }, '/age/months'],
    [{ age: { days: 365 }, forced: true }, undefined],
    [{ age: { months: 0 }, forced: true }, '/age/months'],
    [{ age: { months: 1_201 } }, '/age/months'], [{ age: { days: 36_601 } }, '/age/days'],
    [{ age: { months: 12, days: 1 } }, '/age'], [{ age: {} }, '/age'], [{}, '/age'],
    [{ age: { months: 12 }, category: 'nonsense' }, '/category'],
    [{ age: { months: 12 }, action: 'Auth.*' }, '/action'],
    [{ age: { months: 12 }, truncateLog: true }, '/truncateLog']
  ]
  for (const [policy, pointer] of policies) {
    const common = { category: 'external', reason: 'Duty' }
    const answer = await post('/v1/retention-policies', { ...common, ...policy })
    t.equal(answer.statusCode, pointer === undefined ? 201 : 400, answer.body)
    t.match(answer.json(), pointer === undefined ? { active: true } : { violations: [{ pointer }] })
    if (pointer === undefined) await post(`/v1/retention-policies/${answer.json().id}/revoke`)
  }
  const unreasoned = await post('/v1/retention-policies', { age: { days: 1 }, forced: true })
  t.match(unreasoned.json(), { violations: [{ pointer: '/reason' }] })
  t.strictSame((await get('/v1/retention-policies?active=true')).json().items, [])
})

t.test('a policy is on record, listed, read and revoked once', async (t) => {
  const policy = { category: 'api', action: 'call.*', age: { months: 24 }, reason: 'Duty' }
  const made = (await post('/v1/retention-policies', policy)).json()
  t.match(made, { ...policy, forced: false, active: true, setBy: { name: 'compliance' }, runs: 0 })
  const url = `/v1/retention-policies/${made.id}`
  t.strictSame((await until(async () => await get(url), ({ statusCode }) => statusCode === 200))
    .json(), made)
  t.equal((await get(url, 'globex.auditor')).statusCode, 404)
  const first = (await get('/v1/retention-policies?limit=1')).json()
  t.strictSame(first.items, [made])
  const second = (await get(`/v1/retention-policies?limit=1&cursor=${first.nextCursor}`)).json()
  t.equal(second.items.length, 1)
  t.not(second.items[0].id, made.id)
  const revoked = (await post(`${url}/revoke`, { reason: 'New law' })).json()
  t.match(revoked, { active: false, revokedBy: { name: 'compliance' }, revokeReason: 'New law' })
  t.strictSame((await post(`${url}/revoke`, { reason: 'Again' })).json(), revoked)
  const trail = (await get(`/v1/entities/ledger_retention_policy/${made.id}/events`)).json().items
  t.strictSame(trail.map(({ action }: { action: string }) => action),
    ['ledger.retention_policy_revoked', 'ledger.retention_policy_set'])
})

t.test('what is previewed is removed; what was removed says by whom, and is proven', async (t) => {
  const [gone = '', ...others] = await appendOld([
    old(1), old(2), old(3, { action: 'stock.moved', tags: ['x'] }), old(4, { category: 'access' }),
    old(5, { entity: { type: 'shelf', id: 's-2' } })
  ])
  const [foreign = ''] = await appendOld([old(1)], 'globex')
  await append('acme', old(6))
  const wish = { category: 'change', action: 'stock.counted', age: { months: 12 } }
  const preview = (await post('/v1/retention-policies/preview', wish, 'acme.auditor')).json()
  const oldest = new Date(OLD).toISOString()
  t.match(preview, { events: 3, held: 0, oldest, newest: oldest, exact: true })
  const proven = await until(async () => await get(`/v1/events/${others.at(-1)}/proof`),
    ({ statusCode }) => statusCode === 200)
  t.equal(proven.statusCode, 200)
  const { id, removed } = await ran(wish)
  t.equal(removed, preview.events)
  t.match((await get(`/v1/retention-policies/${id}/preview`)).json(), { events: 0, oldest: null })

  const refused = await get(`/v1/events/${gone}`)
  t.equal(refused.statusCode, 410)
  const [run] = (await get('/v1/events?action=ledger.retention_ran')).json().items
  t.match(refused.json(), {
    type: '/problems/removed', policy: id, run: run.id, removedAt: run.recordedAt, revision: '0'
  })
  t.match(run, { entity: { id }, data: { events: 3, held: 0, gaps: [Number, Number] } })
  t.equal((await get(`/v1/events/${gone}/diff`)).statusCode, 410)
  for (const url of [`/api/activity/act_${gone}`, `/activities/${gone}`]) {
    t.match((await get(url)).json(), { type: '/problems/removed', run: run.id }, url)
  }
  const correction = {
    corrects: gone, kind: 'annotates', reason: 'r', actor: { type: 'service', id: 's' }
  }
  t.equal((await post('/v1/corrections', correction)).statusCode, 410)
  t.match((await get(`/v1/events/${gone}/raw`)).json(), { id: gone, data: { after: { count: 1 } } })
  const { verifierKeys: [vkey] } = (await call(
    undefined, '/.well-known/ledger-keys?origin=test/acme')).json()
  const proof = await call('acme.auditor', {
    url: `/v1/events/${gone}/proof`, headers: { accept: 'text/plain' }
  })
  const trusted = { policy: policyOf([parseVerifierKey(vkey)]) }
  t.match(verifyProof(proof.body, trusted), { findings: [], summary: { leaves: 1 } })
  t.match((await get('/v1/entities/shelf/s-1/proof')).body, new RegExp(gone), 'and its history')
  t.match((await get('/v1/replay')).body, new RegExp(gone), 'and replayed')
  t.equal((await get(`/v1/replay?after=${refused.json().position}`)).statusCode, 200, 'from there')

  t.equal((await get(`/v1/events/${foreign}`, 'globex.auditor')).statusCode, 200)
  t.equal((await get(`/v1/events/${gone}`, 'globex.auditor')).statusCode, 404)
  t.equal((await get(`/v1/events/${gone}/raw`, 'globex.auditor')).statusCode, 404)
  t.match((await get('/v1/entities/shelf/s-1/state')).json(),
    { state: { count: 6 }, removed: 2 }, 'a state says what it lacks')
  t.match((await get('/v1/entities/shelf/s-1/state?at=revision:1')).json(),
    { type: '/problems/removed', removed: 2 }, 'and is never another moment\'s')
  t.equal((await get('/v1/entities/shelf/s-2/state')).statusCode, 410)
  const summary = (await get('/v1/aggregations?groupBy=action')).json()
  t.ok(JSON.stringify(summary).includes('"stock.counted"'))
})

t.test('a repeated event is the one that was removed', async (t) => {
  const event = old(7, { entity: { type: 'shelf', id: 's-7' } })
  await appendOld([event])
  await ran({ action: 'stock.counted', age: { months: 13 } })
  t.equal((await get(`/v1/events/${event.id}`)).statusCode, 410)
  const again = await call('acme.producer', { method: 'POST', url: '/v1/events', payload: event })
  t.equal(again.statusCode, 200, again.body)
  t.match(again.json(), { id: event.id, revision: '0', duplicate: true })
  const other = await call('acme.producer', {
    method: 'POST', url: '/v1/events', payload: { ...event, after: { count: 8 } }
  })
  t.equal(other.statusCode, 409, other.body)
  const next = await append('acme', old(9, { entity: { type: 'shelf', id: 's-7' } }))
  t.equal(next.revision, '1', 'and the stream goes on behind it')
})

t.test('a held row stays, and the preview says so', async (t) => {
  const [held = '', free = ''] = await appendOld(['s-held', 's-free'].map((id) =>
    old(1, { action: 'stock.burnt', entity: { type: 'shelf', id } })))
  const hold = await post('/v1/holds', { entity: { type: 'shelf', id: 's-held' }, reason: 'Case' })
  const wish = { action: 'stock.burnt', age: { months: 12 } }
  const preview = await until(async () => await post('/v1/retention-policies/preview', wish),
    (answer) => answer.json().held > 0)
  t.match(preview.json(), { events: 1, held: 1 })
  const { id } = await ran(wish)
  t.equal((await get(`/v1/events/${held}`)).statusCode, 200)
  t.equal((await get(`/v1/events/${free}`)).statusCode, 410)
  const [run] = (await get(`/v1/entities/ledger_retention_policy/${id}/events`)).json().items
  t.match(run.data, { events: 1, holds: [hold.json().id] })
  await post(`/v1/holds/${hold.json().id}/release`)
})

t.test('a walk takes no removal for tampering, and finds what an insider removed', async (t) => {
  const last = await append('acme', old(10, { entity: { type: 'shelf', id: 's-last' } }))
  await until(async () => await get(`/v1/events/${last.id}/proof`),
    ({ statusCode }) => statusCode === 200)
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const { verifierKeys: [vkey] } = (await call(
    undefined, '/.well-known/ledger-keys?origin=test/acme')).json()
  const remote = remoteLedger(url, keys['acme.auditor'] ?? '')
  const walk = async (from = remote) => {
    const findings: Finding[] = []
    const summary = await verifyLive({
      remote: from,
      policy: policyOf([parseVerifierKey(vkey)]),
      kept: undefined,
      tell: (found) => { findings.push(...found) }
    })
    return { findings, summary }
  }
  const clean = await walk()
  t.strictSame(clean.findings, [])
  t.ok(clean.summary.removed >= 5)
  t.equal(clean.summary.rows + clean.summary.removed, clean.summary.leaves)
  // A run that comes while the walk goes on is in no checkpoint yet.
  const [late = ''] = await appendOld([old(1, { action: 'late.counted' })])
  await until(async () => await get(`/v1/events/${late}/proof`),
    ({ statusCode }) => statusCode === 200)
  const during = await walk({
    ...remote,
    async json<T> (path: string): Promise<T> {
      if (path === '/v1/events?limit=200') await ran({ action: 'late.*', age: { months: 12 } })
      return await remote.json(path)
    }
  })
  t.strictSame(during.findings, [])
  t.equal(during.summary.removed, clean.summary.removed + 1)
  await service.stopWorker()
  const superuser = new pg.Client(database.superuserUrl)
  await superuser.connect()
  t.teardown(async () => { await superuser.end() })
  const entry = 'entries_v2_g1.entry'
  await superuser.query(`create table public.kept as select * from ${entry} where id = $1`,
    [last.id])
  await superuser.query(`delete from ${entry} where id = $1`, [last.id])
  // As if retention had done it.
  await superuser.query(`insert into entries_v2_g1.removed_entry
    select position, prepare, revision, recorded_at, position, id, tenant, stream, leaf_hash
    from public.kept`)
  t.match((await walk()).findings, [{ kind: 'missing' }])
  await superuser.query(`insert into ${entry} select * from public.kept`)
  t.strictSame((await walk()).findings, [])
  await superuser.query(`update public.kept set id = r.id, position = r.position,
    stream = r.stream, revision = r.revision from entries_v2_g1.removed_entry r
    where r.tenant = 'acme' and r.run <> r.position`)
  await superuser.query(`insert into ${entry} select * from public.kept`)
  t.match((await walk()).findings.map(({ kind }) => kind), ['foreign', 'tampered'])
})

t.test('what a preview counts is counted for the tenant alone', async (t) => {
  const criteria = { category: null, action: null, cutoff: '2025-01-01T00:00:00.000Z' }
  const count = async (as: string, of: string): Promise<number> =>
    await inTenant(database.pool('ledger_api'), as, async (tx) =>
      (await countDue(tx, of, criteria, 10)).events)
  t.ok(await count('globex', 'globex') > 0)
  t.equal(await count('globex', 'acme'), 0)
})

t.test(`${POLICIES_MAX} policies are active, and not one more`, async (t) => {
  const superuser = new pg.Client(database.superuserUrl)
  await superuser.connect()
  t.teardown(async () => { await superuser.end() })
  const { rows: [row] } = await superuser.query(`select count(*)::int as active
    from read.retention_policy where tenant = 'globex' and revoked_at is null`)
  const leave = async (count: number): Promise<void> => {
    await superuser.query(`
      insert into read.retention_policy (
        tenant, id, position, age_days, reason, forced, set_at, set_by)
      select 'globex', gen_random_uuid(), n, 400, 'r', false, now(), 'k'
      from generate_series(1, $1) n`, [count])
  }
  await leave(POLICIES_MAX - 1 - row.active)
  const set = async (): Promise<Answer> => await post('/v1/retention-policies',
    { age: { months: 99 }, reason: 'x' }, 'globex.compliance')
  t.equal((await set()).statusCode, 201)
  await leave(1)
  t.match((await set()).json(), {
    status: 409, type: '/problems/wrong-state', detail: /100 policies are active/
  })
})
