import t from 'tap'

import { eventsOf } from './erasing.ts'
import { retainingWorld } from './retaining.ts'
import { recorded, scrubbing, sealedWorld } from './scrubbing.ts'
import { until } from './world.ts'

t.test('what an insider does to entries, feeds, trails and tags is found', async (t) => {
  const one = await sealedWorld(t)
  const tables = ['entries_v2_g1.entry', 'user_feeds_v4_g1.user_feed',
    'entity_trails_v2_g1.entity_trail', 'entries_v2_g1.entry_tag']
  const [entry, feed, trail, tag] = tables
  for (const [at, table] of tables.entries()) {
    await one.asSuperuser(`create table public.kept${at} as select * from ${table}`)
  }
  const restore = tables.map((table, at) =>
    `delete from ${table}; insert into ${table} select * from public.kept${at}`).join(';')
  const attacked = "tenant = 'acme' and position = (select max(position) from " +
    `${entry} where tenant = 'acme' and actor_type = 'user')`
  const attacks: Array<[sql: string, kind: string, message: RegExp]> = [
    [`update ${entry} set body = replace(body, '"n":', '"n":1') where ${attacked}`, 'tampered',
      /its entry is not what revision \d+ of acme\.\w+-\d+ says$/],
    [`update ${entry} set outcome = 'success' where ${attacked}`, 'tampered', /its entry is not/],
    [`update ${entry} set occurred_at = occurred_at - interval '1 ms' where ${attacked}`,
      'tampered', /its entry is not/],
    [`update ${entry} set sealed = null where tenant = 'acme'`, 'tampered', /; \d+ more after it$/],
    [`delete from ${entry} where ${attacked}`, 'missing', /of acme\.\w+-\d+ has no entry$/],
    [`insert into ${entry} select (e).* from (select jsonb_populate_record(e,
        '{"position": 1, "id": "00000000-0000-4000-8000-0000000fffff", "stream": "acme.forged"}')
        as e from ${entry} e where ${attacked}) forged`, 'foreign', /an entry of no event$/],
    [`delete from ${feed} where ${attacked}`, 'missing', /the rows of user_feed are not those of/],
    [`update ${feed} set role = 'about' where ${attacked}`, 'tampered', /the rows of user_feed/],
    [`insert into ${feed} select position, gen_random_uuid(), tenant, role from ${feed}
      where ${attacked}`, 'foreign', /the rows of user_feed/],
    [`delete from ${trail} where ${attacked} and role = 'related'`, 'missing', /entity_trail/],
    [`update ${trail} set entity_key = '7' where ${attacked}`, 'tampered', /entity_trail/],
    [`delete from ${tag} where ${attacked}`, 'missing', /the rows of entry_tag/]
  ]
  const scrubber = scrubbing(t, one, { eventsMax: 100 })
  for (const [sql, kind, message] of attacks) {
    await one.asSuperuser(sql)
    await until(sql, () => (scrubber.status()?.findings ?? 0) > 0)
    const found = await one.rows('select kind, message from control.scrub_finding')
    t.match(found[0], { kind, message }, sql)
    await one.asSuperuser(restore)
    await until('the end of it', () => scrubber.status()?.findings === 0)
  }
  t.ok((await recorded(one)).length >= attacks.length - 2)
})

t.test('what was erased or removed by age is in order, and is not if nobody said so', async (t) => {
  const one = await retainingWorld(t)
  const worker = one.runner()
  await one.sendOld(eventsOf('u-old', 12))
  await one.send([...eventsOf('u-1', 8), ...eventsOf('u-2', 4)])
  await one.request('u-1')
  await one.settle()
  await one.finish()
  await one.send(eventsOf('u-1', 4))
  await one.setPolicy()
  await one.settle()
  await one.retain()
  await one.settle()
  t.equal(await one.old(), 0)
  const scrubber = scrubbing(t, one, { eventsMax: 20 })
  await scrubber.passed()
  t.match(scrubber.status(), { findings: 0, problem: undefined })
  await worker.stop()

  const entry = 'entries_v2_g1.entry'
  const removed = 'entries_v2_g1.removed_entry'
  const mine = `(select max(position) from ${entry} where action = 'order.updated')`
  await one.asSuperuser(`
    insert into ${removed} select position, prepare, revision, recorded_at,
      (select max(run) from ${removed}), id, tenant, stream, leaf_hash
      from ${entry} where position = ${mine};
    delete from user_feeds_v4_g1.user_feed where position = ${mine};
    delete from entity_trails_v2_g1.entity_trail where position = ${mine};
    delete from ${entry} where position = ${mine}`)
  await until('the deletion', () => (scrubber.status()?.findings ?? 0) > 0)
  t.match(scrubber.status()?.problem, /counts as removed, and no retention run of the log says so/)
  const [order] = await one.rows<{ position: bigint }>(
    `select max(position) as position from ${entry} where action = 'ledger.erasure_ordered'`)
  await one.asSuperuser(`
    insert into control.erased (tenant, ref, erasure, ordered_at, position)
    select tenant, ref, gen_random_uuid(), now(), ${order?.position} from user_feeds_v4_g1.user_feed
    where role = 'actor' order by position desc limit 1`)
  await until('the forged erasure', async () => (await one.rows(`select from control.scrub_finding
    where message like '%counts as erased, and the log does not order that%'`)).length > 0)
})
