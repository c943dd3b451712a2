import t from 'tap'

import { readEvent } from '../../src/ledger/read.ts'
import { leafData, leafHash } from '../../src/proof/leaf.ts'
import { cutLog, editLog } from '../tamper-log.ts'
import { recorded, scrubbing, sealedWorld } from './scrubbing.ts'
import { until } from './world.ts'

t.test('a log in order has no findings, pass after pass, and a restart goes on', async (t) => {
  const one = await sealedWorld(t)
  const first = scrubbing(t, one)
  await first.passed()
  t.match(first.status(), { findings: 0, problem: undefined })
  await first.stop()
  let steps = 0
  const broken = scrubbing(t, one, {
    // Whatever step it fails at, nothing is left out and nothing is found.
    fault: () => {
      steps++
      if (steps % 5 === 0 || steps % 7 === 0) throw new Error('Connection terminated unexpectedly')
    }
  })
  await broken.passed()
  t.match(broken.status(), { findings: 0 })
  await broken.stop()
  await one.rows('update control.scrub set commit_position = null, prepare_position = null')
  await one.rows('delete from control.scrub_tree')
  const slow = scrubbing(t, one, { passMs: 1e9, pauseMaxMs: 1e9 })
  await until('its first step', () => slow.status() !== undefined)
  t.match(slow.status(), { findings: 0 })
  const { share = 0, pass } = slow.status() ?? {}
  t.ok(share > 0 && share < 0.3, `${share} of the log after one step`)
  await slow.stop()
  const resumed = scrubbing(t, one, { passMs: 1e9, pauseMaxMs: 1e9 })
  await until('the next step', () => (resumed.status()?.share ?? 0) > share)
  t.equal(resumed.status()?.pass, pass)
  t.strictSame(await recorded(one), [])
})

t.test('an edited log file is found, recorded once, and forgotten when put right', async (t) => {
  const one = await sealedWorld(t)
  await editLog(one.node.dataDir, '"after":{"n":16}', '"after":{"n":61}')
  await one.node.stop()
  await one.node.start()
  const scrubber = scrubbing(t, one)
  await scrubber.passed()
  t.match(scrubber.status(), {
    findings: 1, problem: /^acme: leaf \d+, at \d+: revision 1 of acme\.order-6 is not what its row/
  })
  await scrubber.passed()
  t.match(await recorded(one), [{
    actor: { id: 'scrubber' }, data: { kind: 'tampered', message: /^leaf \d+/ }
  }])
  await editLog(one.node.dataDir, '"after":{"n":61}', '"after":{"n":16}')
  await one.node.stop()
  await one.node.start()
  await until('the end of it', () => scrubber.status()?.findings === 0)
})

t.test('rows that were edited or deleted, and both sides edited alike, are found', async (t) => {
  const one = await sealedWorld(t)
  const leaf = 'merkle_v1_g1.merkle_leaf'
  const kept = 'create table public.kept as select * from merkle_v1_g1.merkle_leaf'
  await one.asSuperuser(kept)
  const restore = `delete from ${leaf}; insert into ${leaf} select * from public.kept`
  const attacks: Array<[sql: string, kinds: string[]]> = [
    [`update ${leaf} set hash = sha256('x') where tenant = 'acme' and index = 7`,
      ['forked', 'tampered']],
    [`delete from ${leaf} where tenant = 'acme' and index = 7`, ['missing']],
    [`delete from ${leaf} where tenant = 'acme' and index > 30`, ['missing']],
    [`delete from ${leaf} where tenant = 'other'`, ['missing']]
  ]
  const scrubber = scrubbing(t, one)
  for (const [sql, kinds] of attacks) {
    await one.asSuperuser(sql)
    await scrubber.passed()
    const rows = await one.rows<{ kind: string }>(
      'select distinct kind from control.scrub_finding order by kind')
    t.strictSame(rows.map(({ kind }) => kind), kinds, sql)
    await one.asSuperuser(restore)
    await until('the end of it', () => scrubber.status()?.findings === 0)
  }
  // The insider knows of the hashes, and makes the row fit the edited event.
  await scrubber.stop()
  await editLog(one.node.dataDir, '"after":{"n":16}', '"after":{"n":61}')
  await one.node.stop()
  await one.node.start()
  const found = scrubbing(t, one)
  await until('the edit', () => (found.status()?.findings ?? 0) > 0)
  await found.stop()
  const event = await readEvent(one.log, 'acme.order-6', 1n)
  const hash = event && leafHash(leafData(event)).toString('hex')
  await one.asSuperuser(
    `update ${leaf} set hash = '\\x${hash}' where position = ${event?.position}`)
  const last = scrubbing(t, one)
  await last.passed()
  // The row of entry still says what the event was.
  const kinds = await one.rows<{ kind: string, message: string }>(
    'select kind, message from control.scrub_finding order by kind')
  t.match(kinds, [
    { kind: 'forked', message: /the leaves are not those that were signed/ },
    { kind: 'tampered', message: /its entry is not what revision 1 of acme\.order-6 says/ }
  ])
})

t.test('a checkpoint of more leaves than log and rows have is found', async (t) => {
  const one = await sealedWorld(t)
  const scrubber = scrubbing(t, one, { eventsMax: 100 })
  await scrubber.passed()
  await one.asSuperuser(`update merkle_v1_g1.merkle_checkpoint set size = size + 5
    where tenant = 'acme' and size = (
      select max(size) from merkle_v1_g1.merkle_checkpoint where tenant = 'acme')`)
  await until('the checkpoint', () => (scrubber.status()?.findings ?? 0) > 0)
  t.match(scrubber.status()?.problem, /a tree of \d+ leaves was signed, and there are \d+$/)
})

t.test('a log that lost its end is found by whoever re-reads it', async (t) => {
  const one = await sealedWorld(t)
  await one.node.stop()
  await cutLog(one.node.dataDir, '"after":{"n":58}')
  await one.node.start()
  const scrubber = scrubbing(t, one)
  await until('the loss', () => (scrubber.status()?.findings ?? 0) > 0)
  t.match(scrubber.status()?.problem, /: the log no longer has it/)
})
