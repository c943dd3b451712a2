import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

import t, { type Test } from 'tap'

import { lastCosigned } from '../../projections/cosignatures/queries.ts'
import { PROJECTIONS } from '../../projections/index.ts'
import { formatVerifierKey, parseVerifierKey } from '../../src/proof/keys.ts'
import { parsePolicy, policyOf, type Policy } from '../../src/proof/policy.ts'
import { judgeCheckpoint } from '../../src/proof/trust.ts'
import { createCosigner, type CosignerOptions } from '../../src/worker/cosigner.ts'
import { rebuild } from '../../src/worker/rebuild.ts'
import { readAs } from '../../src/worker/sealed-tree.ts'
import { fileSealingKeys } from '../../src/worker/sealing-key.ts'
import type { WitnessingStatus } from '../../src/worker/status.ts'
import { givenLogs } from '../../src/witness/logs.ts'
import { witnessServer } from '../../src/witness/server.ts'
import { testFolder } from '../helper.ts'
import { witnessIn, witnessSigner } from '../witness/given.ts'
import { foreignWitness, type ForeignWitness } from './foreign-witness.ts'
import { agree, heads, sealedUpTo, sealing, type Sealing } from './sealing.ts'
import { silent, until, world, type World } from './world.ts'

const QUICK = { spacingMs: 0, retryMs: 20, retryMaxMs: 200, refusedMs: 100, timeoutMs: 300 }

interface Cosigning {
  one: World
  key: string
  status (): WitnessingStatus | undefined
  sealer: Sealing
  stop (): Promise<void>
}

function policyText (witnesses: ReadonlyArray<{ vkey: string, url: string }>, quorum: number) {
  const lines = witnesses.map(({ vkey, url }, at) => `witness w${at} ${vkey} ${url}\n`)
  const names = witnesses.map((_, at) => ` w${at}`).join('')
  return `${lines.join('')}group all ${quorum}${names}\nquorum all\n`
}

/** A world whose sealer has its heads cosigned. */
async function cosigning (
  t: Test, policy: Policy, options: Partial<CosignerOptions> = {}
): Promise<Cosigning> {
  const one = await world(t)
  const key = join(await testFolder(t), 'sealing.key')
  return await cosignIn(t, { one, key }, policy, options)
}

async function cosignIn (
  t: Test, { one, key }: { one: World, key: string }, policy: Policy,
  options: Partial<CosignerOptions> = {}
): Promise<Cosigning> {
  const abort = new AbortController()
  let status: WitnessingStatus | undefined
  const cosigner = createCosigner({
    pool: one.pool,
    log: one.log,
    policy,
    logger: silent,
    now: Date.now,
    newId: randomUUID,
    onStatus: (said) => { status = said },
    ...QUICK,
    ...options
  })
  const running = cosigner.run(abort.signal)
  const sealer = await sealing(t, one, key, { onHead: cosigner.add })
  const stop = async (): Promise<void> => {
    await sealer.stop()
    abort.abort()
    await running
  }
  t.teardown(stop)
  return { one, key, status: () => status, sealer, stop }
}

const last = async ({ pool }: World, tenant = 'acme') => await readAs(pool, tenant, lastCosigned)

/** Waits until the last checkpoint of the log is cosigned; the checkpoint with all signatures. */
async function cosignedNote (one: World, tenant = 'acme'): Promise<string> {
  const head = (await heads(one, tenant)).at(-1)
  await until(`${head?.size} cosigned`, async () => (await last(one, tenant))?.size === head?.size)
  return (head?.note ?? '') + ((await last(one, tenant))?.lines ?? '')
}

const trusting = async (key: string, witnesses: readonly ForeignWitness[], quorum: number) => {
  const { current } = await (await fileSealingKeys(key)).signers('test/acme')
  return policyOf([current.key], witnesses.map(({ vkey }) => parseVerifierKey(vkey)), quorum)
}

t.test('what is signed is cosigned by witnesses of another make, and so a rebuild', async (t) => {
  const foreign = [await foreignWitness(t, 'w.example/a'), await foreignWitness(t, 'w.example/b')]
  const { one, key, status } = await cosigning(t, parsePolicy(policyText(foreign, 2)))
  const worker = one.runner()
  for (const [from, to] of [[1, 30], [31, 90], [91, 700]] as const) {
    await worker.reached(await one.append(from, to))
    await sealedUpTo(one)
    const note = await cosignedNote(one)
    const verdict = judgeCheckpoint(note, await trusting(key, foreign, 2))
    t.strictSame(verdict.findings, [])
    t.strictSame(verdict.cosignatures.map(({ witness }) => witness), ['w1', 'w2'])
  }
  await cosignedNote(one, 'other')
  t.strictSame(status(), { witnesses: 2, away: [], contradicted: 0, problem: undefined })
  await agree(t, one)
  const leaves = await one.rows('select count(*) from read.merkle_leaf')
  t.strictSame(leaves, [{ count: 700n }], 'cosignatures are no leaves')
  t.strictSame(await one.rows("select from read.entry where action = 'ledger.checkpoint'"), [])
  t.strictSame(await one.rows('select from control.parked'), [])
  const before = await one.rows('select * from read.cosignature order by position')
  await rebuild({
    pool: one.pool, log: one.log, projections: PROJECTIONS, signal: new AbortController().signal
  })
  t.strictSame(await one.rows('select * from read.cosignature order by position'), before)
})

t.test('our own witness is one like others, and a restart goes on', async (t) => {
  const one = await world(t)
  const key = join(await testFolder(t), 'sealing.key')
  const { current } = await (await fileSealingKeys(key)).signers('test/acme')
  const { current: other } = await (await fileSealingKeys(key)).signers('test/other')
  const logs = givenLogs([current, other].map((signer) => formatVerifierKey(signer.key)))
  const server = witnessServer({
    witness: await witnessIn(await testFolder(t), { logs, now: Date.now }),
    onAnswer: () => {},
    onError: (err) => { throw err }
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const witness = {
    vkey: formatVerifierKey(witnessSigner.key), url: `http://127.0.0.1:${port}`
  }
  const policy = parsePolicy(policyText([witness], 1))
  const worker = one.runner()
  await worker.reached(await one.append(1, 40))
  const first = await cosignIn(t, { one, key }, policy)
  await sealedUpTo(one)
  await cosignedNote(one)
  await first.stop()
  await worker.reached(await one.append(41, 90))
  await cosignIn(t, { one, key }, policy)
  await sealedUpTo(one)
  const trust = policyOf([current.key], [witnessSigner.key], 1)
  t.strictSame(judgeCheckpoint(await cosignedNote(one), trust).findings, [])
})

t.test('a witness that is away delays nobody, is seen, and catches up', async (t) => {
  const foreign = [await foreignWitness(t, 'w.example/a'), await foreignWitness(t, 'w.example/b')]
  const [, slow] = foreign as [ForeignWitness, ForeignWitness]
  const { one, key, status } = await cosigning(t, parsePolicy(policyText(foreign, 1)))
  const worker = one.runner()
  const misbehaviours = [['away', 1], ['hang', 11], ['garbage', 21], ['forbid', 31]] as const
  for (const [behave, n] of misbehaviours) {
    slow.behave = behave
    await worker.reached(await one.append(n, n + 9))
    await sealedUpTo(one)
    const note = await cosignedNote(one)
    t.strictSame(judgeCheckpoint(note, await trusting(key, foreign, 1)).findings, [], behave)
    t.match(judgeCheckpoint(note, await trusting(key, foreign, 2)).findings,
      [{ kind: 'no-quorum' }], behave)
    await until(`${behave} to be seen`, () => status()?.away.length === 1)
    t.match(status(), { away: ['w1'], contradicted: 0, problem: /^w1/ })
  }
  slow.behave = undefined
  await until('its return', () => status()?.away.length === 0)
  const whole = await trusting(key, foreign, 2)
  await until('both', async () =>
    judgeCheckpoint(await cosignedNote(one), whole).findings.length === 0)
})

t.test('nothing counts as cosigned before the quorum', async (t) => {
  const foreign = [await foreignWitness(t, 'w.example/a'), await foreignWitness(t, 'w.example/b')]
  const [, slow] = foreign as [ForeignWitness, ForeignWitness]
  slow.behave = 'away'
  const { one, status } = await cosigning(t, parsePolicy(policyText(foreign, 2)))
  const worker = one.runner()
  await worker.reached(await one.append(1, 10))
  await sealedUpTo(one)
  await until('the first', () => foreign[0]?.seen.has('test/acme') === true)
  await until('the absence', () => status()?.away.length === 1)
  t.equal(await last(one), undefined)
  slow.behave = undefined
  t.ok(await cosignedNote(one))
})

t.test('a witness that has seen more, or something else, is believed and recorded', async (t) => {
  const witness = await foreignWitness(t, 'w.example/a')
  const root = Buffer.alloc(32, 9).toString('base64')
  witness.seen.set('test/acme', { size: 1_000, root })
  witness.seen.set('test/other', { size: 2, root })
  const { one, status } = await cosigning(t, parsePolicy(policyText([witness], 1)))
  const worker = one.runner()
  await worker.reached(await one.append(1, 20))
  await sealedUpTo(one, 'other')
  await until('both', () => status()?.contradicted === 2)
  const found = async () => await one.rows<{ body: string }>(`
    select body from read.entry where action = 'ledger.inconsistency_found' order by tenant`)
  await until('the events', async () => (await found()).length >= 2)
  const [acme, other] = await found()
  t.match(acme?.body, /w0 has cosigned 1000 leaves of test\/acme, which the log does not have/)
  t.match(other?.body, /w0 has cosigned 2 leaves that the tree is not shown to continue/)
  await one.rows('select pg_sleep(0.5)')
  t.equal((await found()).length, 2, 'the same is not recorded again, though the tree has grown')
  witness.seen.clear()
  await until('their end', () => status()?.contradicted === 0)
})
