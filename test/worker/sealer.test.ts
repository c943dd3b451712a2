import { join } from 'node:path'
import { chmod, readFile } from 'node:fs/promises'

import t from 'tap'

import { PROJECTIONS } from '../../projections/index.ts'
import { merkle } from '../../projections/merkle/projection.ts'
import { verifierKey, ED25519 } from '../../src/proof/keys.ts'
import { policyOf } from '../../src/proof/policy.ts'
import { judgeCheckpoint } from '../../src/proof/trust.ts'
import { rebuild } from '../../src/worker/rebuild.ts'
import { fileSealingKeys, rotateSealingKey } from '../../src/worker/sealing-key.ts'
import { testFolder } from '../helper.ts'
import { agree, heads, sealedUpTo, sealing } from './sealing.ts'
import { until, world } from './world.ts'

const policyFor = async (file: string, origin: string) => {
  const { current, previous } = await (await fileSealingKeys(file)).signers(origin)
  return policyOf([current.key, ...(previous === undefined ? [] : [previous.key])])
}

t.test('new leaves are signed, tenant by tenant, and a restart goes on', async (t) => {
  const one = await world(t)
  const key = join(await testFolder(t), 'sealing.key')
  const worker = one.runner()
  const last = await one.append(1, 30)
  const first = await sealing(t, one, key)
  await worker.reached(last)
  await sealedUpTo(one, 'acme')
  await sealedUpTo(one, 'other')
  await one.append(31, 600)
  await sealedUpTo(one, 'acme')
  await first.stop()
  const second = await sealing(t, one, key)
  await one.append(601, 620)
  await sealedUpTo(one, 'acme')
  await agree(t, one)
  await agree(t, one, 'other')
  t.strictSame(second.status(), { state: 'sealing', problem: undefined, refused: 0 })
  const policy = await policyFor(key, 'test/acme')
  for (const { note } of await heads(one)) {
    t.strictSame(judgeCheckpoint(note, policy).findings, [])
  }
  t.match(judgeCheckpoint((await heads(one, 'other'))[0]?.note ?? '', policy).findings,
    [{ kind: 'wrong-key' }], 'the log of another tenant has another key')
  await until('the rows', async () =>
    (await one.rows('select from read.merkle_checkpoint')).length ===
      (await heads(one)).length + (await heads(one, 'other')).length)
  t.strictSame(await one.rows("select from read.entry where action = 'ledger.checkpoint'"), [])
})

t.test('whatever fails, and however many seal, no two heads disagree', async (t) => {
  const one = await world(t)
  const key = join(await testFolder(t), 'sealing.key')
  const worker = one.runner()
  let calls = 0
  const steps = new Set<string>()
  const fault = (step: string): void => {
    steps.add(step)
    if (++calls % 3 === 0) throw new Error('Connection terminated unexpectedly')
  }
  await Promise.all([1, 2, 3].map(async () => await sealing(t, one, key, { fault })))
  for (let n = 1; n < 200; n += 10) await worker.reached(await one.append(n, n + 9))
  await sealedUpTo(one)
  await agree(t, one)
  await agree(t, one, 'other')
  t.strictSame([...steps].sort(), ['appended', 'compared', 'read', 'signed'])
})

t.test('rows that differ from the log are not signed, and it is said', async (t) => {
  const one = await world(t)
  const key = join(await testFolder(t), 'sealing.key')
  const worker = one.runner()
  await worker.reached(await one.append(1, 20))
  await one.asSuperuser(`update merkle_v1_g1.merkle_leaf set hash = sha256('x')
    where tenant = 'acme' and index = 3`)
  const sealer = await sealing(t, one, key, { refusedMs: 200 })
  await until('the refusal', () => sealer.status()?.state === 'inconsistent')
  t.match(sealer.status(), { refused: 1, problem: /^acme: leaf 3, revision \d+ of acme\./ })
  await sealedUpTo(one, 'other')
  t.strictSame(await heads(one), [], 'nothing is signed')
  const found = "select body from read.entry where action = 'ledger.inconsistency_found'"
  await until('the event', async () => (await one.rows(found)).length === 1)
  t.match((await one.rows<{ body: string }>(found))[0]?.body, /"kind":"tampered"/)
  await one.rows('select pg_sleep(0.5)')
  t.strictSame((await one.rows(found)).length, 1, 'it is recorded once')
  await one.rows('select 1')
  await rebuild({
    pool: one.pool, log: one.log, projections: [merkle], signal: new AbortController().signal
  })
  await sealedUpTo(one)
  await until('the recovery', () => sealer.status()?.state === 'sealing')
})

t.test('what was signed is checked again at each start', async (t) => {
  const one = await world(t)
  const key = join(await testFolder(t), 'sealing.key')
  const worker = one.runner()
  await worker.reached(await one.append(1, 20))
  const first = await sealing(t, one, key)
  await sealedUpTo(one)
  await sealedUpTo(one, 'other')
  await first.stop()
  const signed = (await heads(one)).length
  const attacks = [
    ["update merkle_v1_g1.merkle_leaf set hash = sha256('x') where tenant = 'acme' and index = 0",
      /rows of the first 14 leaves are not those/],
    ["delete from merkle_v1_g1.merkle_leaf where tenant = 'acme' and index > 5",
      /fewer rows of leaves than the 14/],
    [`insert into merkle_v1_g1.merkle_checkpoint select tenant, position + 1, prepare, revision,
        size + 1, root, recorded_at, note, keys from merkle_v1_g1.merkle_checkpoint
        where tenant = 'acme'`, /has lost the checkpoint of 15 leaves/]
  ] as const
  for (const [sql, problem] of attacks) {
    await one.asSuperuser(sql)
    const sealer = await sealing(t, one, key)
    await until('the refusal', () => sealer.status()?.state === 'inconsistent')
    t.match(sealer.status()?.problem, problem)
    await sealer.stop()
  }
  const foreign = await sealing(t, one, join(await testFolder(t), 'sealing.key'))
  await until('the refusal', () => (foreign.status()?.refused ?? 0) > 1)
  t.equal((await heads(one)).length, signed)
})

t.test('a log that is not the one that was signed is not built from', async (t) => {
  const one = await world(t)
  const key = join(await testFolder(t), 'sealing.key')
  const worker = one.runner()
  await worker.reached(await one.append(1, 20))
  const sealer = await sealing(t, one, key)
  await sealedUpTo(one)
  await sealedUpTo(one, 'other')
  await until('the rows', async () =>
    (await one.rows('select from read.merkle_checkpoint')).length >= 2)
  await Promise.all([sealer.stop(), worker.stop()])
  await one.node.empty()
  await one.append(101, 140)
  const { signal } = new AbortController()
  const again = async () =>
    await rebuild({ pool: one.pool, log: one.log, projections: PROJECTIONS, signal })
  await t.rejects(again(), { code: 'CONTRADICTION', message: /leaves of \w+ are not those/ })
  t.strictSame((await one.rows('select from read.merkle_leaf')).length, 20, 'readers keep theirs')
  await one.node.refill()
  await again()
})

t.test('a rotated key takes over by a checkpoint that both have signed', async (t) => {
  const one = await world(t)
  const key = join(await testFolder(t), 'sealing.key')
  const worker = one.runner()
  await worker.reached(await one.append(1, 10))
  await sealing(t, one, key)
  await sealedUpTo(one)
  const before = await policyFor(key, 'test/acme')
  await rotateSealingKey(key)
  await until('the overlap', async () => (await heads(one)).at(-1)?.keys.length === 2)
  t.equal((await heads(one)).at(-1)?.size, (await heads(one)).at(-2)?.size, 'without new leaves')
  await one.append(11, 20)
  await sealedUpTo(one)
  const all = await heads(one)
  const current = (await (await fileSealingKeys(key)).signers('test/acme')).current.key
  t.strictSame(all.at(-1)?.keys, [current.publicKey.toString('base64')])
  t.strictSame(judgeCheckpoint(all.at(-1)?.note ?? '', policyOf([current])).findings, [])
  const overlap = all.find(({ keys }) => keys.length === 2)?.note ?? ''
  t.strictSame(judgeCheckpoint(overlap, before).findings, [])
  t.strictSame(judgeCheckpoint(overlap, policyOf([current])).findings, [])
})

t.test('a tree without news is signed again after a while', async (t) => {
  const one = await world(t)
  const key = join(await testFolder(t), 'sealing.key')
  const worker = one.runner()
  await worker.reached(await one.append(1, 5))
  await sealing(t, one, key, { idleMs: 50 })
  await until('three', async () => (await heads(one)).length >= 3)
  t.equal(new Set((await heads(one)).map(({ size }) => size)).size, 1)
})

t.test('a key file that others may read, or that holds no key, is refused', async (t) => {
  const key = join(await testFolder(t), 'sealing.key')
  const keys = await fileSealingKeys(key)
  const { current } = await keys.signers('a/b')
  t.equal(current.key.id, verifierKey('a/b', ED25519, current.key.publicKey).id)
  t.match(await readFile(key, 'utf8'), /^audit-ledger-sealing-key-1 \S{43}\n$/)
  await chmod(key, 0o640)
  await t.rejects(fileSealingKeys(key), { code: 'SEALING_KEY_INVALID', message: /chmod 600/ })
})
