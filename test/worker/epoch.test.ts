import { join } from 'node:path'
import { randomUUID } from 'node:crypto'

import t from 'tap'

import { PROJECTIONS } from '../../projections/index.ts'
import { LedgerError } from '../../src/errors.ts'
import { policyOf } from '../../src/proof/policy.ts'
import { parseSignedCheckpoint } from '../../src/proof/checkpoint.ts'
import { judgeCheckpoint, judgeConsistency } from '../../src/proof/trust.ts'
import { epochOf, startEpoch } from '../../src/worker/epoch.ts'
import type { Loss } from '../../src/worker/loss.ts'
import { rebuild } from '../../src/worker/rebuild.ts'
import { fileSealingKeys } from '../../src/worker/sealing-key.ts'
import { testFolder } from '../helper.ts'
import { cutLog, editLog } from '../tamper-log.ts'
import { agree, heads, sealedUpTo, sealing } from './sealing.ts'
import { until, world, type World } from './world.ts'

const { signal } = new AbortController()
const lastOrigin = async (one: World, tenant = 'acme'): Promise<string> =>
  parseSignedCheckpoint((await heads(one, tenant)).at(-1)?.note ?? '').checkpoint.origin

t.test('a log that lost its end goes on only if somebody says so, as another log', async (t) => {
  const one = await world(t)
  const key = join(await testFolder(t), 'sealing.key')
  const worker = one.runner()
  const sealer = await sealing(t, one, key, {
    isActive: () => ['live', 'catching-up'].includes(worker.runner.status().state)
  })
  await worker.reached(await one.append(1, 20))
  await sealedUpTo(one)
  await worker.reached(await one.append(21, 40))
  await sealedUpTo(one)
  await sealedUpTo(one, 'other')
  const kept = (await heads(one)).at(-1)
  const seen = (await heads(one)).map(({ note }) => note)
  await worker.reached((await one.log.head())?.commit ?? 0n)
  await one.node.stop()
  await cutLog(one.node.dataDir, '"after":{"n":31}')
  await one.node.start()
  await worker.is('log-regression')
  await one.append(61, 70)
  const options = { pool: one.pool, log: one.log, projections: PROJECTIONS, signal }
  await t.rejects(rebuild(options), { code: 'CONTRADICTION' }, 'not silently')
  const told: Array<readonly Loss[]> = []
  await rebuild({
    ...options,
    onLoss: async (found) => {
      told.push(found)
      for (const { tenant, kept, seen } of found) {
        await startEpoch(one.log, {
          tenant, because: 'lost-events', reason: 'disk', kept: `${kept}`, seen: `${seen}`
        }, { id: randomUUID(), now: Date.now() })
      }
      if (told.length === 1) throw new LedgerError('LOG_UNAVAILABLE', 'cut off afterwards')
    }
  })
  const [losses = [], again] = told
  t.strictSame(again, losses, 'the event that says so is not one of those that were kept')
  t.match(losses, [
    { tenant: 'acme', kept: 14n, seen: 28n }, { tenant: 'other', kept: 6n, seen: 12n }
  ], 'nor is what was written before anybody noticed')
  t.equal(losses[0]?.checkpoint, kept?.note)
  await worker.is('live')
  await worker.reached(await one.append(41, 60))
  await sealedUpTo(one)
  await until('another origin', async () => await lastOrigin(one) === 'test/acme/2')
  await agree(t, one)
  t.match(sealer.status(), { state: 'sealing', refused: 0 })
  const [event] = await one.rows<{ body: string }>(`
    select body from read.entry where action = 'ledger.epoch_started' and tenant = 'acme'`)
  t.match(event?.body, /"because":"lost-events".*"epoch":2/)
  const roots = new Map<string, string>()
  for (const note of [...seen, ...(await heads(one)).map((head) => head.note)]) {
    const { origin, size, root } = parseSignedCheckpoint(note).checkpoint
    const known = roots.get(`${origin} ${size}`)
    t.ok(known === undefined || known === root.toString('hex'), `one tree of ${origin} at ${size}`)
    roots.set(`${origin} ${size}`, root.toString('hex'))
  }
  const older = parseSignedCheckpoint(kept?.note ?? '').checkpoint
  const newer = parseSignedCheckpoint((await heads(one)).at(-1)?.note ?? '').checkpoint
  t.match(judgeConsistency({ older, newer, proof: [] }), [{ kind: 'foreign' }],
    'whoever kept one sees it')
})

t.test('a log that is another one cannot be accepted', async (t) => {
  const one = await world(t)
  const key = join(await testFolder(t), 'sealing.key')
  const worker = one.runner()
  const sealer = await sealing(t, one, key)
  await worker.reached(await one.append(1, 20))
  await worker.reached(await one.append(21, 40))
  await sealedUpTo(one)
  await sealedUpTo(one, 'other')
  await Promise.all([sealer.stop(), worker.stop()])
  await one.node.stop()
  await cutLog(one.node.dataDir, '"after":{"n":31}')
  await editLog(one.node.dataDir, '"after":{"n":11}', '"after":{"n":98}')
  await one.node.start()
  const onLoss = async (): Promise<void> => { t.fail('it is no loss') }
  await t.rejects(rebuild({
    pool: one.pool, log: one.log, projections: PROJECTIONS, signal, onLoss
  }), { code: 'CONTRADICTION', message: /acme are not those that readers have seen/ })
})

t.test('whoever lost the key goes on with another one under another origin', async (t) => {
  const one = await world(t)
  const [folder, other] = [await testFolder(t), await testFolder(t)]
  const worker = one.runner()
  const first = await sealing(t, one, join(folder, 'sealing.key'))
  await worker.reached(await one.append(1, 20))
  await sealedUpTo(one)
  await first.stop()
  const key = join(other, 'sealing.key')
  const second = await sealing(t, one, key, { refusedMs: 100 })
  await until('the refusal', () => second.status()?.state === 'inconsistent')
  t.equal(await epochOf(one.log, 'acme'), 1n)
  for (const tenant of ['acme', 'other']) {
    const said = { tenant, because: 'lost-key', reason: 'fire' } as const
    await startEpoch(one.log, said, { id: randomUUID(), now: Date.now() })
    await startEpoch(one.log, said, { id: randomUUID(), now: Date.now() })
    t.equal(await epochOf(one.log, tenant), 2n, 'once')
  }
  await sealedUpTo(one)
  await until('another origin', async () => await lastOrigin(one) === 'test/acme/2')
  const { current } = await (await fileSealingKeys(key)).signers('test/acme/2')
  const note = (await heads(one)).at(-1)?.note ?? ''
  t.strictSame(judgeCheckpoint(note, policyOf([current.key])).findings, [])
  await until('the end of it', () => second.status()?.state === 'sealing')
})
