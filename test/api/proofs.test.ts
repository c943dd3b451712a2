import { randomUUID } from 'node:crypto'
import pg from 'pg'
import t from 'tap'
import { collect, verifyBundle, verifyProof } from '../../src/proof/verify.ts'
import { decodeHash } from '../../src/proof/format.ts'
import { leafHash } from '../../src/proof/leaf.ts'
import type { Tx } from '../../projections/projection.ts'
import { policyOfLog } from '../../src/api/proofs.ts'
import { formatCheckpoint } from '../../src/proof/checkpoint.ts'
import { ED25519, parseVerifierKey, signerFrom } from '../../src/proof/keys.ts'
import { signNote } from '../../src/proof/note.ts'
import { readFromTiles, tilesOfTree, tilePath, decodeEntries } from '../../src/proof/tiles.ts'
import { verifyInclusion } from '../../src/proof/merkle-proof.ts'
import { foldRight, frontierNodes } from '../../src/proof/merkle.ts'
import { parsePolicy, policyOf } from '../../src/proof/policy.ts'
import { judgeCheckpoint, judgeConsistency } from '../../src/proof/trust.ts'
import { event, testService, until } from './service.ts'

const service = await testService(t)
const { call, append } = service

const get = async (url: string, accept?: string, key = 'acme.auditor') =>
  await call(key, { url, headers: accept === undefined ? {} : { accept } })

const publicKeys = (await until(
  async () => await call(undefined, '/.well-known/ledger-keys?origin=test/acme'),
  (answer) => answer.statusCode === 200 && answer.json().keys.length > 0)).json()
const policy = policyOf(publicKeys.verifierKeys.map(parseVerifierKey))

/** Appends events and waits until a checkpoint has all of them; their ids. */
async function sealed (count: number, said: object = {}): Promise<string[]> {
  const ids = Array.from({ length: count }, () => randomUUID())
  await append('acme', ids.map((id) => event({ id, ...said })))
  await until(async () => await get(`/v1/events/${ids.at(-1)}/proof`),
    ({ statusCode }) => statusCode === 200)
  return ids
}

t.test('the public keys are the same under every name, and are public', async (t) => {
  t.match(publicKeys.keys, [{ algorithm: 'ed25519', current: true }])
  const { key } = policy.logs[0] ?? {}
  t.equal(key?.publicKey.toString('base64'), publicKeys.keys[0].publicKey)
  t.match((await call(undefined, '/.well-known/ledger-keys')).json().verifierKeys, undefined)
  t.equal((await call(undefined, '/.well-known/ledger-keys?origin=a%20b')).statusCode, 400)
  const keysUrl = '/.well-known/ledger-keys?origin=test/nobody'
  const nobody = parsePolicy((await call(undefined, keysUrl)).json().policy)
  t.strictSame(nobody.logs.map(({ key, from, to }) => [key.name, from, to]),
    [['test/nobody', 0n, undefined]], 'a log that nobody signed yet would be signed so')
})

t.test('an event is proven, for programs and alone', async (t) => {
  const [id = ''] = await sealed(1)
  const { index, size, leafHash: hash, proof, checkpoint } =
    (await get(`/v1/events/${id}/proof`)).json()
  const raw = (await get(`/v1/events/${id}/raw`)).body
  t.equal(leafHash(raw).toString('hex'), hash)
  const verdict = judgeCheckpoint(checkpoint, policy)
  t.strictSame(verdict.findings, [])
  t.equal(verdict.checkpoint?.size, BigInt(size))
  t.ok(verifyInclusion({
    index: BigInt(index),
    size: BigInt(size),
    leafHash: leafHash(raw),
    root: verdict.checkpoint?.root ?? Buffer.alloc(0)
  }, proof.map((text: string) => decodeHash(text, 'proof'))))
  const text = await get(`/v1/events/${id}/proof`, 'text/plain')
  t.match(text.headers['content-type'], /^text\/plain/)
  t.strictSame(verifyProof(text.body, { policy }).findings, [])
  t.ok(verifyProof(text.body, { policy }).summary.ok)
  const other = verifyProof(text.body, { policy, leaf: raw.replace('order', 'older') })
  t.match(other.findings, [{ kind: 'bad-proof' }])
})

t.test('proofs are the tenant\'s, and for those who may read', async (t) => {
  const [id = ''] = await sealed(1)
  for (const url of [`/v1/events/${id}/proof`, '/v1/entities/order/456/proof']) {
    t.equal((await get(url, undefined, 'globex.auditor')).statusCode >= 404, true, url)
    t.equal((await get(url, undefined, 'acme.producer')).statusCode, 403, url)
    t.equal((await get(url, undefined, 'acme.compliance')).statusCode, 200, url)
    t.equal((await call(undefined, url)).statusCode, 401, url)
  }
  t.equal((await get(`/v1/events/${randomUUID()}/proof`)).statusCode, 404)
})

t.test('checkpoints are listed, and each continues the one before', async (t) => {
  await sealed(2)
  await sealed(3)
  const current = await get('/v1/checkpoint')
  t.match(current.headers['content-type'], /^text\/plain/)
  t.strictSame(judgeCheckpoint(current.body, policy).findings, [])
  const view = (await get('/v1/checkpoint', 'application/json')).json()
  const published = await call(undefined, {
    url: '/.well-known/ledger-keys?origin=test/acme', headers: { accept: 'text/plain' }
  })
  t.equal(published.headers['content-type'], 'text/plain; charset=utf-8')
  t.equal(published.body, view.policy, 'the same is public, as a file')
  t.strictSame(parsePolicy(view.policy).logs.map(({ key }) => key.id),
    policy.logs.map(({ key }) => key.id))
  const page = (await get('/v1/checkpoints?limit=2')).json()
  t.equal(page.items.length, 2)
  const next = (await get(`/v1/checkpoints?limit=2&cursor=${page.nextCursor}`)).json()
  const items = [...page.items, ...next.items].reverse()
  for (const [at, newer] of items.entries()) {
    const older = items[at - 1]
    if (older === undefined) continue
    const shown = (await get(`/v1/proofs/consistency?from=${older.size}&to=${newer.size}`)).json()
    const [one, two] = [older, newer].map(({ checkpoint }) =>
      judgeCheckpoint(checkpoint, policy).checkpoint)
    if (one === undefined || two === undefined) throw new Error('not a checkpoint')
    const proof = shown.proof.map((text: string) => decodeHash(text, 'proof'))
    t.strictSame(judgeConsistency({ older: one, newer: two, proof }), [])
    t.equal(judgeCheckpoint(shown.older, policy).checkpoint?.size, one.size)
  }
  t.equal((await get(`/v1/proofs/consistency?from=0&to=${10n ** 9n}`)).statusCode, 400)
  t.equal((await get('/v1/proofs/consistency?from=2&to=1')).statusCode, 400)
  t.strictSame((await get('/v1/proofs/consistency?from=0')).json().proof, [])
})

t.test('the policy bounds what a rotated key may sign, and leaves out a lost one', async (t) => {
  const [first, second, third] = [1, 2, 3].map((seed) =>
    signerFrom('x', ED25519, Buffer.alloc(32, seed)))
  const keyOf = (signer = first): string => signer?.key.publicKey.toString('base64') ?? ''
  const policyFor = async (
    origin: string, signed: Array<[origin: string, size: bigint, keys: string[]]>
  ) => {
    const rows = await Promise.all(signed.map(async ([origin, size, keys], at) => {
      const root = Buffer.alloc(32)
      const text = formatCheckpoint({ origin, size, root, extensions: [] })
      const note = await signNote(text, [signerFrom(origin, ED25519, Buffer.alloc(32))])
      return { size, root, note, position: BigInt(at), recordedAt: '', keys: keys.join(' ') }
    }))
    const tx = { query: async () => ({ rows }) } as unknown as Tx
    return parsePolicy(await policyOfLog(tx, origin)).logs.map(({ key, from, to }) =>
      [key.publicKey.toString('base64'), from, to])
  }
  const rotated: Array<[string, bigint, string[]]> = [
    ['l/a', 1n, [keyOf(first)]], ['l/a', 10n, [keyOf(second), keyOf(first)]],
    ['l/a', 11n, [keyOf(second)]]
  ]
  t.strictSame(await policyFor('l/a', rotated),
    [[keyOf(first), 0n, 10n], [keyOf(second), 10n, undefined]])
  t.strictSame(await policyFor('l/a/2', rotated), [[keyOf(second), 0n, undefined]],
    'an epoch that lost events goes on with its key')
  t.strictSame(await policyFor('l/a/2', [...rotated, ['l/a/2', 5n, [keyOf(third)]]]),
    [[keyOf(third), 0n, undefined]], 'one that lost its key does not')
  t.strictSame(
    await policyFor('l/a/2', [...rotated, ['l/a/2', 5n, [keyOf(third), keyOf(second)]]]),
    [[keyOf(second), 0n, 5n], [keyOf(third), 5n, undefined]])
})

t.test('tiles lead to the signed root, and hold the log\'s own leaves', async (t) => {
  await sealed(600)
  const { checkpoint } = judgeCheckpoint((await get('/v1/checkpoint')).body, policy)
  if (checkpoint === undefined) throw new Error('no checkpoint')
  const { size, root } = checkpoint
  const tiles = new Map<string, Buffer>()
  for (const tile of tilesOfTree(size)) {
    const answer = await get(`/v1/${tilePath(tile)}`)
    t.equal(answer.statusCode, 200)
    t.match(answer.headers['cache-control'], /private.*immutable/)
    tiles.set(`${tile.level}/${tile.index}`, answer.rawPayload)
  }
  const read = readFromTiles((level, index) => tiles.get(`${level}/${index}`))
  t.strictSame(foldRight(frontierNodes(size).map(read)), root)
  const entries = await get('/v1/tile/entries/001')
  const leaves = decodeEntries(entries.rawPayload).map((leaf) => leafHash(leaf.toString()))
  t.strictSame(Buffer.concat(leaves), tiles.get('0/1'))
  const part = await get('/v1/tile/0/000.p/7')
  t.strictSame(part.rawPayload, tiles.get('0/0')?.subarray(0, 7 * 32))
  // That entries were read is a leaf as well, which may be signed by now.
  for (const path of ['0/999', '0/000.p/0', '0/000.p/256', '0/0', '9/000', 'entries/999', 'x',
    `0/00${size / 256n}.p/${size % 256n + 9n}`]) {
    t.equal((await get(`/v1/tile/${path}`)).statusCode, 404, path)
  }
})

t.test('an entity\'s whole history is a bundle that verifies alone', async (t) => {
  await sealed(300, { entity: { type: 'order', id: 'long' } })
  // That it was read is a leaf as well: for a moment there is another checkpoint each time.
  const [answer, again] = await until(async () => [
    await get('/v1/entities/order/long/proof'), await get('/v1/entities/order/long/proof')
  ] as const, ([one, other]) => one.body === other.body)
  t.equal(again.body, answer.body, 'the same bytes again')
  t.equal(answer.statusCode, 200)
  const { findings, summary } = await collect(verifyBundle([answer.rawPayload], { policy }))
  t.strictSame(findings, [])
  t.match(summary, { ok: true, proven: 300, scope: { type: 'stream', revisions: 300n } })
  const lines = answer.body.split('\n')
  const cut = [...lines.slice(0, 10), ...lines.slice(11)].join('\n')
  const broken = await collect(verifyBundle([Buffer.from(cut)], { policy }))
  t.match(broken.findings.map(({ kind }) => kind), ['missing'])
  t.equal((await get('/v1/entities/order/none/proof')).statusCode, 404)
})

t.test('an entity\'s bundle shows that the tree continues a kept checkpoint', async (t) => {
  await sealed(3, { entity: { type: 'order', id: 'kept' } })
  const kept = (await get('/v1/checkpoint')).body
  const size = kept.split('\n')[1] ?? ''
  await sealed(9, { entity: { type: 'order', id: 'kept' } })
  const url = '/v1/entities/order/kept/proof'
  const judged = async (body: Buffer, against = kept) =>
    (await collect(verifyBundle([body], { policy, kept: against }))).findings
  t.match(await judged((await get(url)).rawPayload), [{ kind: 'missing' }], 'nobody asked for it')
  const asked = await get(`${url}?continues=${size}`)
  t.strictSame(await judged(asked.rawPayload), [])
  t.match(asked.body.split('\n')[2], /^\{"older":/)
  const lines = asked.body.split('\n')
  const forged = [...lines.slice(0, 2), lines[2]?.replace(/"proof":\["./, '"proof":["-'),
    ...lines.slice(3)].join('\n')
  t.not((await judged(Buffer.from(forged))).length, 0)
  for (const wrong of ['0', '9999999', 'x']) {
    t.match((await get(`${url}?continues=${wrong}`)).json(), { status: 400 }, wrong)
  }
})

t.test('an append can wait until it is proven', async (t) => {
  const post = async (payload: object, prefer: string) => await call('acme.producer', {
    method: 'POST', url: '/v1/events', payload, headers: { prefer }
  })
  const one = await post(event(), 'wait=10; until=proven')
  t.equal(one.headers['preference-applied'], 'wait=10; until=proven')
  const { leafHash: hash, proof } = one.json()
  t.equal(proof.leafHash, hash)
  t.strictSame(judgeCheckpoint(proof.checkpoint, policy).findings, [])
  const many = (await post([event(), event()], 'respond-async, wait=10;until="proven"')).json()
  t.match(many.items, [{ receipt: { proof: { index: String } } }, { receipt: { proof: {} } }])
  const none = await post(event(), 'wait=10')
  t.equal(none.json().proof, undefined)
  const late = await post(event(), 'wait=0; until=proven')
  t.equal(late.statusCode, 201)
  t.equal(late.json().proof, undefined)
})

t.test('a proof that does not hold is not given out, and readiness says so', async (t) => {
  const [id = ''] = await sealed(1)
  t.match((await call(undefined, '/readyz')).json(), { integrity: { status: 'ok' } })
  await service.stopWorker()
  const superuser = new pg.Client(service.database.superuserUrl)
  await superuser.connect()
  await superuser.query(`update merkle_v1_g1.merkle_node set hash = sha256('x')
    where tenant = 'acme' and index = 0`)
  await superuser.end()
  const refused = await get(`/v1/events/${id}/proof`)
  t.match(refused.json(), { status: 500, type: '/problems/contradiction' })
  service.startWorker()
  t.match((await until(async () => await call(undefined, '/readyz'),
    (answer) => answer.json().integrity.status === 'failed')).json(), {
    status: 'degraded', integrity: { problem: '1 trees are inconsistent: nothing is signed' }
  })
  t.match((await call(undefined, '/metrics')).body, 'ledger_integrity_refused 1')
})
