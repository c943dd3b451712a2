import { createHash } from 'node:crypto'
import { formatLine, RUN_MAX, type BundleLine, type Manifest } from './bundle.ts'
import { parseSignedCheckpoint } from './checkpoint.ts'
import { leafHash } from './leaf.ts'
import { planRange, proofFrom, type ProofPlan } from './merkle-proof.ts'
import type { NodeId } from './merkle.ts'
import type { Opening } from './section.ts'

/** A leaf to be exported. */
export interface BundleLeaf {
  index: bigint
  /** Leaf data, see leafData. */
  leaf: string
  /** Sealed sections that the receiver may read. */
  openings?: readonly Opening[]
  /** Refs of subjects whose sections nobody can open any more. */
  shredded?: readonly string[]
}

/** All that a bundle is made from. The same input gives the same bytes. */
export interface BundleInput {
  manifest: Manifest
  /** The signed checkpoint that everything is proven in. */
  checkpoint: string
  /** Earlier signed checkpoints, each with its consistency proof to `checkpoint`. */
  older?: ReadonlyArray<{ checkpoint: string, proof: Buffer[] }>
  /** In ascending order of index, below the checkpoint's size. */
  leaves: AsyncIterable<BundleLeaf> | Iterable<BundleLeaf>
  /** The hashes of full nodes, in the order asked for; called once for up to 256 leaves. */
  readNodes: (nodes: readonly NodeId[]) => Promise<readonly Buffer[]>
}

/**
 * The text of a bundle, in chunks of up to 256 leaves: no more is held in memory. Throws
 * RangeError for leaves that are out of order or not in the tree.
 */
export async function * writeBundle (input: BundleInput): AsyncGenerator<string> {
  const digest = createHash('sha256')
  const { size } = parseSignedCheckpoint(input.checkpoint).checkpoint
  let leaves = 0n
  const head = headOf(input)
  digest.update(head)
  yield head
  for await (const batch of batchesOf(input.leaves)) {
    const text = await formatBatch(batch, size, input.readNodes)
    digest.update(text)
    leaves += BigInt(batch.length)
    yield text
  }
  yield formatLine({ kind: 'end', leaves, sha256: digest.digest('hex') })
}

function headOf ({ manifest, checkpoint, older = [] }: BundleInput): string {
  const lines: BundleLine[] = [
    { kind: 'manifest', manifest },
    { kind: 'checkpoint', checkpoint },
    ...older.map((earlier) => ({ kind: 'older', ...earlier } as const))
  ]
  return lines.map(formatLine).join('')
}

/** Ends at the border of a tile, so that a whole export consists of whole tiles. */
async function * batchesOf (leaves: BundleInput['leaves']): AsyncGenerator<BundleLeaf[]> {
  let batch: BundleLeaf[] = []
  let next = 0n
  for await (const leaf of leaves) {
    if (leaf.index < next) throw new RangeError(`leaf ${leaf.index} after leaf ${next - 1n}`)
    next = leaf.index + 1n
    batch.push(leaf)
    if (batch.length === RUN_MAX || next % BigInt(RUN_MAX) === 0n) {
      yield batch
      batch = []
    }
  }
  if (batch.length > 0) yield batch
}

async function formatBatch (
  batch: BundleLeaf[], size: bigint, readNodes: BundleInput['readNodes']
): Promise<string> {
  const runs = runsOf(batch).map((run) => ({ ...run, plan: planRange({ ...run, size }) }))
  const read = await readerOf(runs.flatMap(({ plan }) => plan), readNodes)
  return runs.map(({ from, to, plan, leaves }) =>
    formatLine({ kind: 'run', from, to, proof: proofFrom(plan, read) }) +
    leaves.map(formatLeaf).join('')).join('')
}

interface Run {
  from: bigint
  to: bigint
  leaves: BundleLeaf[]
}

/** Neighbours together. */
function runsOf (batch: readonly BundleLeaf[]): Run[] {
  const runs: Run[] = []
  for (const leaf of batch) {
    const run = runs.at(-1)
    if (run?.to === leaf.index) {
      run.leaves.push(leaf)
      run.to++
    } else {
      runs.push({ from: leaf.index, to: leaf.index + 1n, leaves: [leaf] })
    }
  }
  return runs
}

async function readerOf (plan: ProofPlan, readNodes: BundleInput['readNodes']) {
  const wanted = new Map(plan.flat().map((node) => [keyOf(node), node]))
  const hashes = await readNodes([...wanted.values()])
  const found = new Map([...wanted.keys()].map((key, at) => [key, hashes[at]]))
  return (node: NodeId): Buffer => {
    const hash = found.get(keyOf(node))
    if (hash === undefined) throw new RangeError(`node ${keyOf(node)} was not read`)
    return hash
  }
}

function keyOf ({ level, index }: NodeId): string {
  return `${level}/${index}`
}

function formatLeaf ({ index, leaf, openings = [], shredded = [] }: BundleLeaf): string {
  const lines: BundleLine[] = [
    { kind: 'leaf', index, hash: leafHash(leaf), leaf },
    ...openings.map((opening) => ({ kind: 'opening', index, opening } as const)),
    ...shredded.map((ref) => ({ kind: 'shredded', index, ref } as const))
  ]
  return lines.map(formatLine).join('')
}
