import { Readable } from 'node:stream'
import t from 'tap'
import { writeBundle, type BundleLeaf } from '../../src/proof/bundle-writer.ts'
import { formatCheckpoint } from '../../src/proof/checkpoint.ts'
import { COSIGNATURE, ED25519, signerFrom } from '../../src/proof/keys.ts'
import { leafData, leafHash } from '../../src/proof/leaf.ts'
import { append, EMPTY_FRONTIER, frontierRoot, type NodeId } from '../../src/proof/merkle.ts'
import { planConsistency, planInclusion, proofFrom } from '../../src/proof/merkle-proof.ts'
import { cosign, formatNote, parseNote, signNote } from '../../src/proof/note.ts'
import { policyOf } from '../../src/proof/policy.ts'
import { formatTlogProof } from '../../src/proof/tlog-proof.ts'
import { collect, verifyBundle, verifyProof } from '../../src/proof/verify.ts'
import { ORIGIN, seedOf, START } from '../proof/ledger.ts'

const SIZE = 1_000_000
const EXPORTED = 200_000
const SIZE_BEFORE = 777_777n

const log = signerFrom(ORIGIN, ED25519, seedOf('log'))
const witness = signerFrom('witness.example/w1', COSIGNATURE, seedOf('witness'))
const policy = policyOf([log.key], [witness.key], 1)

/** One event, about 700 bytes as a leaf. */
function leafOf (at: number): string {
  return leafData({
    id: `01939393-0000-7000-8000-${at.toString(16).padStart(12, '0')}`,
    stream: `acme.order-${at % 5000}`,
    revision: BigInt(Math.floor(at / 5000)),
    type: 'order.updated',
    data: {
      v: 1,
      tenant: 'acme',
      category: 'change',
      outcome: 'success',
      occurredAt: new Date(START).toISOString(),
      recordedAt: new Date(START).toISOString(),
      source: 'shop',
      actor: { type: 'service', id: 'shop' },
      entity: { type: 'order', id: `${at % 5000}`, name: `Order ${at % 5000}` },
      before: { status: 'open', lines: [{ sku: 'A-1', count: 2 }, { sku: 'B-7', count: 1 }] },
      after: { status: 'paid', lines: [{ sku: 'A-1', count: 2 }, { sku: 'B-7', count: 1 }] },
      data: { operation: 'update', note: 'x'.repeat(180) }
    }
  })
}

/** All nodes of a large tree, a buffer for each level. */
function treeOf (size: number) {
  const levels = Array.from({ length: 21 }, (_, level) => Buffer.alloc((size >> level) * 32))
  const batches = Array.from({ length: size / 1000 }, (_, at) => at * 1000)
  let frontier = EMPTY_FRONTIER
  for (const from of batches) {
    const hashes = Array.from({ length: 1000 }, (_, at) => leafHash(leafOf(from + at)))
    frontier = append(frontier, hashes, ({ level, index, hash }) => {
      hash.copy(levels[level] ?? hash, Number(index) * 32)
    })
  }
  const read = ({ level, index }: NodeId): Buffer => {
    const at = Number(index) * 32
    return levels[level]?.subarray(at, at + 32) ?? Buffer.alloc(0)
  }
  return { root: frontierRoot(frontier), read }
}

/** Per second of one processor: what else runs on the machine counts for little. */
function rate (count: number, since: NodeJS.CpuUsage): string {
  const { user, system } = process.cpuUsage(since)
  return `${Math.round(count / (user + system) * 1e6).toLocaleString('en')}/s`
}

// The tree of a million leaves alone takes a while.
t.setTimeout(900_000)

t.test('figures of proofs at a million leaves', { timeout: 900_000 }, async (t) => {
  const { root, read } = treeOf(SIZE)
  const size = BigInt(SIZE)
  const text = formatCheckpoint({ origin: ORIGIN, size, root, extensions: [] })
  const note = parseNote(await signNote(text, [log]))
  const cosignature = await cosign(text, witness, BigInt(START / 1000))
  const checkpoint = formatNote({ text, signatures: [...note.signatures, cosignature] })

  const proofs = Array.from({ length: 2000 }, (_, at) => {
    const index = BigInt(at * 499)
    return { index, proof: proofFrom(planInclusion(index, size), read), checkpoint }
  })
  const [first] = proofs
  const bytes = proofs.reduce((sum, proof) => sum + formatTlogProof(proof).length, 0)
  const older = proofFrom(planConsistency(SIZE_BEFORE, size), read)
  t.comment(`inclusion proof: ${first?.proof.length} hashes; tlog-proof with checkpoint and one ` +
    `cosignature: ${Math.round(bytes / proofs.length)} bytes; consistency: ${older.length} hashes`)

  const single = process.cpuUsage()
  for (const proof of proofs) {
    const leaf = leafOf(Number(proof.index))
    if (!verifyProof(formatTlogProof(proof), { policy, leaf }).summary.ok) t.fail('a proof')
  }
  t.comment(`single proofs verified, checkpoint signatures included: ${rate(2000, single)}`)

  for (const scope of ['range', 'filter'] as const) await bundleFigures(scope)

  async function bundleFigures (scope: 'range' | 'filter'): Promise<void> {
    const step = scope === 'range' ? 1 : 50
    const count = EXPORTED / (scope === 'range' ? 1 : 10)
    const leaves = Array.from({ length: count }, (_, at): BundleLeaf =>
      ({ index: BigInt(at * step), leaf: leafOf(at * step) }))
    const plain = leaves.reduce((sum, { leaf }) => sum + leaf.length + 1, 0)
    const range = { type: 'range', from: 0n, to: BigInt(count) } as const
    const writing = process.cpuUsage()
    const chunks: Buffer[] = []
    for await (const chunk of writeBundle({
      manifest: {
        origin: ORIGIN,
        policy: '',
        scope: scope === 'range' ? range : { type: 'filter', filter: {} }
      },
      checkpoint,
      leaves,
      readNodes: async (nodes) => nodes.map(read)
    })) chunks.push(Buffer.from(chunk))
    const written = rate(count, writing)
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    const verifying = process.cpuUsage()
    const { summary } = await collect(verifyBundle(Readable.from(chunks), { policy }))
    t.comment(`${scope}: ${count} leaves, ${Math.round(bytes / count)} bytes each, ` +
      `${Math.round(bytes / count - plain / count)} of them proof; written ${written}, ` +
      `verified ${rate(count, verifying)}`)
    t.ok(summary.ok && summary.proven === count)
  }
})
