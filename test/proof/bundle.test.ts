import { createHash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { formatLine, parseLine, RUN_MAX, type Scope } from '../../src/proof/bundle.ts'
import { writeBundle } from '../../src/proof/bundle-writer.ts'
import { formatCheckpoint } from '../../src/proof/checkpoint.ts'
import { FormatError } from '../../src/proof/format.ts'
import { ED25519, signerFrom } from '../../src/proof/keys.ts'
import { cosign, formatNote, parseNote, signNote } from '../../src/proof/note.ts'
import { policyOf } from '../../src/proof/policy.ts'
import { collect, verifyBundle, type VerifyBundleOptions } from '../../src/proof/verify.ts'
import { StreamOrder } from '../../src/proof/stream-order.ts'
import { joined, ledgerOf, ORIGIN, seedOf, START } from './ledger.ts'

const ledger = ledgerOf(700, 1)
const { policy } = ledger

function verify (text: string, options: Partial<VerifyBundleOptions> = {}) {
  return collect(verifyBundle([Buffer.from(text)], { policy, ...options }))
}

function countOf (stream: string, size = 700): bigint {
  return BigInt(ledger.leaves.slice(0, size)
    .filter((leaf) => leaf.includes(`"stream":"${stream}"`)).length)
}

const STREAM: Scope = {
  type: 'stream', stream: 'acme.order-0', revisions: countOf('acme.order-0')
}
const SCOPES: Scope[] = [
  { type: 'range', from: 0n, to: 700n },
  { type: 'range', from: 300n, to: 301n },
  { type: 'range', from: 255n, to: 600n },
  STREAM,
  { type: 'filter', filter: { action: 'order.*', entity: { id: '4', type: 'order' } } }
]

t.test('a bundle of every scope verifies, and the same one comes out twice', async (t) => {
  for (const scope of SCOPES) {
    const text = await ledger.bundle({ scope })
    t.equal(text, await ledger.bundle({ scope }), `${scope.type}: byte for byte`)
    const { findings, summary } = await verify(text)
    t.strictSame(findings.filter(({ severity }) => severity === 'fault'), [], scope.type)
    t.ok(summary.ok)
    t.ok(summary.leaves > 0 && summary.proven === summary.leaves, `${summary.proven} leaves`)
    t.strictSame(summary.scope, scope)
    t.equal(summary.sha256, createHash('sha256').update(text).digest('hex'))
    t.equal(summary.cosignatures.length, 1)
  }
})

t.test('leaf data stands in a bundle byte for byte', async (t) => {
  const text = await ledger.bundle({ scope: { type: 'range', from: 5n, to: 9n } })
  for (const leaf of ledger.leaves.slice(5, 9)) t.ok(text.includes(`,"leaf":${leaf}}\n`))
})

t.test('every line is canonical JSON and reads back as it was', async (t) => {
  const text = await ledger.bundle({ older: [400] })
  for (const line of text.trimEnd().split('\n')) {
    t.doesNotThrow(() => JSON.parse(line), 'any JSON reader takes it')
    if (formatLine(parseLine(line)) !== `${line}\n`) t.fail(line)
  }
  t.equal(new Set(text.trimEnd().split('\n').map((line) => parseLine(line).kind)).size, 8)
})

t.test('what is not a line of a bundle is refused', async (t) => {
  const hash = Buffer.alloc(32).toString('base64')
  for (const line of [
    '', 'x', '[]', 'null', '{}', '{"end":{"leaves":"1"}}', '{"end": {"leaves":"1","sha256":""}}',
    '{"bundle":"audit-ledger/bundle@v2","origin":"o","policy":"","scope":{}}',
    '{"bundle":"audit-ledger/bundle@v1","origin":"o","policy":"","scope":{"type":"all"}}',
    '{"bundle":"audit-ledger/bundle@v1","origin":"o","policy":"",' +
      '"scope":{"from":"0","to":"1","type":"range","x":1}}',
    `{"hash":"${hash.slice(1)}","index":"0","leaf":{}}`,
    `{"hash":"${hash}","index":"00","leaf":{}}`,
    `{"hash":"${hash}","index":0,"leaf":{}}`, '{"proof":[],"run":{"from":"1","to":"1"}}',
    `{"proof":[],"run":{"from":"0","to":"${RUN_MAX + 1}"}}`,
    '{"proof":[],"run":{"from":"0","to":"1","x":1}}',
    '{"end":{"leaves":"1","sha256":"","x":1}}',
    '{"index":"1","open":{"plain":{},"r":"","ref":"","x":1}}',
    '{"proof":["AA=="],"run":{"from":"0","to":"1"}}', '{"proof":{},"run":{"from":"0","to":"1"}}',
    '{"checkpoint":1}', '{"index":"1","shredded":null}', '{"index":"1","open":{"ref":"x"}}',
    '{"a":1,"checkpoint":"x"}'
  ]) t.throws(() => parseLine(line), FormatError, line)
})

t.test('chunks may end anywhere', async (t) => {
  const bytes = Buffer.from(await ledger.bundle({ scope: { type: 'range', from: 0n, to: 20n } }))
  const whole = await collect(verifyBundle([bytes], { policy }))
  await fc.assert(fc.asyncProperty(fc.array(fc.nat(bytes.length)), async (cuts) => {
    const at = [0, ...cuts.sort((a, b) => a - b), bytes.length]
    const chunks = at.slice(1).map((end, part) => bytes.subarray(at[part], end))
    const { summary, findings } = await collect(verifyBundle(chunks, { policy }))
    t.strictSame({ summary, findings }, whole)
  }), { numRuns: 20 })
  t.ok(whole.summary.ok)
})

t.test('progress is told', async (t) => {
  const seen: number[] = []
  const text = Buffer.from(await ledger.bundle())
  const chunks = [text.subarray(0, 50_000), text.subarray(50_000)]
  const onProgress: VerifyBundleOptions['onProgress'] = ({ bytes }) => seen.push(bytes)
  await collect(verifyBundle(chunks, { policy, onProgress }))
  t.strictSame(seen, [50_000, text.length])
})

t.test('a bundle that shows nothing is not OK', async (t) => {
  const { summary, findings } = await verify(
    await ledger.bundle({ scope: { type: 'range', from: 9n, to: 9n } }))
  t.notOk(summary.ok)
  t.strictSame(findings.map(({ kind }) => kind), ['empty'])
  for (const text of ['', '\n', 'hello\n', '{}', 'x'.repeat(5_000_000)]) {
    t.notOk((await verify(text)).summary.ok, `${text.length} characters`)
  }
})

t.test('the last line tells what was lost or changed on the way', async (t) => {
  const text = await ledger.bundle({ scope: { type: 'filter', filter: {} } })
  const faults = async (text: string) => (await verify(text)).findings
    .filter(({ severity }) => severity === 'fault').map(({ kind }) => kind)
  t.strictSame(await faults(text.replace('"policy":"log', '"policy":"Log')), ['tampered'])
  const lines = text.split('\n')
  const last = lines.findLastIndex((line) => line.includes('"run"'))
  const fewer = [...lines.slice(0, last), ...lines.slice(-2)].join('\n')
  t.strictSame(await faults(fewer), ['missing', 'tampered'])
  t.strictSame(await faults(text.replace(/"leaves":"\d+"/, '"leaves":"1"')), ['missing'])
  t.strictSame(await faults(`${text}x`), ['malformed'])
  t.strictSame(await faults(`${text}${lines.at(-2)}\n`), ['malformed'])
  t.strictSame(await faults(text.slice(0, -1)), ['truncated'])
})

t.test('lines stand in their order', async (t) => {
  const text = await ledger.bundle({ scope: { type: 'range', from: 1n, to: 4n }, older: [2] })
  const lines = text.trimEnd().split('\n')
  const kinds = async (...order: number[]) => {
    const moved = order.map((at) => `${lines.at(at)}\n`).join('')
    return (await verify(moved)).findings.map(({ kind }) => kind)
  }
  t.strictSame(await kinds(0, 1, 2, 3, 4, 5, 6, 7), [])
  t.strictSame(await kinds(0, 0, 1, 2, 3, 4, 5, 6, 7), ['malformed', 'tampered'], 'two manifests')
  t.strictSame(await kinds(0, 1, 1, 2, 3, 4, 5, 6, 7), ['malformed', 'tampered'], 'two heads')
  t.strictSame(await kinds(0, 2, 1, 3, 4, 5, 6, 7), ['malformed', 'tampered'], 'older first')
  t.strictSame(await kinds(0, 1, 2, 4, 5, 6, 7),
    ['malformed', 'malformed', 'malformed', 'tampered', 'missing', 'empty'], 'no proof')
  t.strictSame(await kinds(0, 1, 2, 3, 4, 5, 6, 3, 4, 5, 6, 7),
    ['duplicated', 'duplicated', 'reordered', 'duplicated', 'missing', 'tampered'],
    'the run and the revisions of two streams twice')
})

t.test('nothing passes for proven that stands above the checkpoint', async (t) => {
  const text = await ledger.bundle({ scope: { type: 'filter', filter: {} } })
  const lines = text.trimEnd().split('\n')
  const runs = lines.flatMap((line, at) => line.includes('"run"') ? [at] : [])
  const [first, , third] = runs
  const moved = [...lines.slice(0, 1), ...lines.slice(first, third), ...lines.slice(1, first),
    ...lines.slice(third)]
  const { summary } = await verify(moved.map((line) => `${line}\n`).join(''))
  t.notOk(summary.ok)
  t.strictSame([summary.findings.malformed, summary.findings['bad-proof']], [2, runs.length])
  t.equal(summary.proven, 0)
})

t.test('streams that are too many to follow raise no alarm, and are counted', async (t) => {
  const order = new StreamOrder({ type: 'range', from: 0n, to: 9n }, 1)
  const kinds = (stream: string, revision: bigint) =>
    order.see(stream, revision, {}).map(({ kind }) => kind)
  t.strictSame([kinds('a', 0n), kinds('b', 0n), kinds('b', 1n), kinds('a', 1n)], [[], [], [], []])
  t.equal(order.unfollowed, 2)
  t.strictSame(kinds('a', 3n), ['missing'], 'those that are followed are checked')
})

t.test('nothing is proven in a tree whose head is not trusted', async (t) => {
  const text = await ledger.bundle()
  const stranger = ledgerOf(1, 9).policy
  const { summary } = await verify(text, { policy: stranger })
  t.equal(summary.proven, 0)
  t.strictSame(summary.findings, { 'wrong-key': 1, 'no-quorum': 1, shredded: 70, empty: 1 })
})

t.test('what was sealed is proven open, sealed or shredded', async (t) => {
  const text = await ledger.bundle()
  const { summary, findings } = await verify(text)
  const { sealed, opened, shredded } = summary
  t.strictSame({ sealed, opened, shredded }, { sealed: 140, opened: 70, shredded: 70 })
  t.ok(findings.every(({ kind, severity }) => kind === 'shredded' && severity === 'info'))
  for (const [from, to] of [['192.0.2.1', '192.0.2.2'], ['"/context/ip":"', '"/context/id":"'],
    ['"r":"Bw', '"r":"Cw'], ['"ref":"0f8fad5b-d9cb-469f-a165-70867728950e"}}', '"ref":"x"}}']]) {
    const other = await verify(text.replace(from ?? '', to ?? ''))
    t.ok((other.summary.findings['bad-opening'] ?? 0) > 0, `${from} -> ${to}`)
  }
})

t.test('a kept checkpoint is continued, or the bundle says how it is not', async (t) => {
  const kinds = async (text: string, kept: string) =>
    (await verify(text, { kept })).findings.filter(({ severity }) => severity === 'fault')
      .map(({ kind }) => kind)
  const all = await ledger.bundle()
  t.strictSame(await kinds(all, await ledger.checkpoint(400)), [], 'by all leaves')
  t.strictSame(await kinds(all, await ledger.checkpoint(700)), [], 'by being the same')
  t.strictSame(await kinds(all, await ledger.checkpoint(0)), [], 'as the empty tree')
  const part = await ledger.bundle({ scope: STREAM, older: [400] })
  t.strictSame(await kinds(part, await ledger.checkpoint(400)), [], 'by a proof')
  t.strictSame(await kinds(part, await ledger.checkpoint(400, false)), [], 'without a witness')
  t.strictSame(await kinds(part, await ledger.checkpoint(401)), ['missing'], 'no proof')
  const early = await ledger.bundle({ size: 500 })
  t.strictSame(await kinds(early, await ledger.checkpoint(501)), ['stale'])
  const root = ledgerOf(400, 2).tree.root(400n)
  const text = formatCheckpoint({ origin: ORIGIN, size: 400n, root, extensions: [] })
  const fork = await signNote(text, [ledger.log])
  t.strictSame(await kinds(all, fork), ['forked'])
  t.strictSame(await kinds(part, fork), ['forked'])
  const foreign = signerFrom('other.example/x', ED25519, seedOf('other'))
  const elsewhere = await signNote(text.replace(ORIGIN, 'other.example/x'), [foreign])
  const both = policyOf([ledger.log.key, foreign.key])
  t.strictSame((await verify(all, { policy: both, kept: elsewhere })).findings
    .filter(({ severity }) => severity === 'fault').map(({ kind }) => kind), ['foreign'])
})

t.test('the age of the newest cosignature is judged on demand', async (t) => {
  const text = await ledger.bundle()
  const now = BigInt(START / 1000 + 700 + 3600)
  t.ok((await verify(text, { age: { seconds: 3600n, now } })).summary.ok)
  const late = await verify(text, { age: { seconds: 3599n, now } })
  t.equal(late.summary.findings.stale, 1)
  const unwitnessed = policyOf([ledger.log.key])
  const none = await verify(text, { policy: unwitnessed, age: { seconds: 3600n, now } })
  t.equal(none.summary.findings.stale, 1)
})

t.test('a leaf recorded out of its time is flagged', async (t) => {
  const late = await verify(await ledger.bundle({ size: 700, older: [100] }))
  t.equal(late.summary.findings.misdated, undefined)
  const { witness, log, tree } = ledger
  const text = formatCheckpoint({
    origin: ORIGIN, size: 700n, root: tree.root(700n), extensions: []
  })
  const cosigned = async (time: number) => formatNote({
    text,
    signatures: [...parseNote(await signNote(text, [log])).signatures,
      await cosign(text, witness, BigInt(time))]
  })
  const bundle = await ledger.bundle()
  const swap = async (time: number) => bundle.replace(
    /\{"checkpoint":.*\n/, JSON.stringify({ checkpoint: await cosigned(time) }) + '\n')
  const early = await verify(await swap(START / 1000 + 699 - 121))
  t.equal(early.summary.findings.misdated, 1, 'cosigned 121 s before it was recorded')
  t.equal((await verify(await swap(START / 1000 + 699 - 120))).summary.findings.misdated, undefined)
})

t.test('the writer refuses leaves that are out of order or not in the tree', async (t) => {
  const write = (indexes: bigint[], hashes?: Buffer[]) => ledger.checkpoint().then((checkpoint) =>
    joined(writeBundle({
      manifest: { origin: ORIGIN, scope: { type: 'filter', filter: null }, policy: '' },
      checkpoint,
      leaves: indexes.map((index) => ({ index, leaf: '{}' })),
      readNodes: async (nodes) => hashes ?? nodes.map(ledger.tree.read)
    })))
  await t.rejects(write([4n, 4n]), RangeError)
  await t.rejects(write([4n, 3n]), RangeError)
  await t.rejects(write([700n]), RangeError)
  await t.rejects(write([4n], []), RangeError, 'a node that was not read')
  await t.resolves(write([4n, 699n]))
})
