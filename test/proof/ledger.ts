import { createHmac } from 'node:crypto'
import type { Scope } from '../../src/proof/bundle.ts'
import { writeBundle, type BundleLeaf } from '../../src/proof/bundle-writer.ts'
import { formatCheckpoint } from '../../src/proof/checkpoint.ts'
import { COSIGNATURE, ED25519, formatVerifierKey, signerFrom } from '../../src/proof/keys.ts'
import { canonicalJson, leafData, leafHash } from '../../src/proof/leaf.ts'
import { planConsistency, proofFrom } from '../../src/proof/merkle-proof.ts'
import { cosign, formatNote, parseNote, signNote } from '../../src/proof/note.ts'
import { policyOf, type Policy } from '../../src/proof/policy.ts'
import { treeOf, type TestTree } from './tree.ts'

export const ORIGIN = 'ledger.example/acme'

/** When the first event was recorded, milliseconds; each later one a second later. */
export const START = Date.UTC(2026, 10, 20)

/** Numbers from a seed, as good as random for choosing what to break (mulberry32). */
export function randomFrom (seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** 32 bytes that differ by name and seed. */
export function seedOf (name: string, seed = 0): Buffer {
  return createHmac('sha256', 'a key for tests').update(`${name} ${seed}`).digest()
}

/** A ledger of one tenant, whole in memory, with its keys. */
export interface TestLedger {
  leaves: string[]
  tree: TestTree
  policy: Policy
  log: ReturnType<typeof signerFrom>
  witness: ReturnType<typeof signerFrom>
  /** The signed checkpoint at that size, cosigned unless it is told not to. */
  checkpoint: (size?: number, cosigned?: boolean) => Promise<string>
  /** A bundle's text. */
  bundle: (options?: BundleOptions) => Promise<string>
}

export interface BundleOptions {
  scope?: Scope
  size?: number
  older?: number[]
}

/** A ledger of that many events in a few streams; every fifth event has a sealed section. */
export function ledgerOf (events: number, seed = 0): TestLedger {
  const random = randomFrom(seed)
  const revisions = new Map<string, bigint>()
  const streams = 1 + random(7)
  const leaves = Array.from({ length: events }, (_, at) => {
    const stream = `acme.order-${random(streams)}`
    const revision = revisions.get(stream) ?? 0n
    revisions.set(stream, revision + 1n)
    return leafOf(at, stream, revision)
  })
  const tree = treeOf(leaves.map(leafHash))
  const log = signerFrom(ORIGIN, ED25519, seedOf('log', seed))
  const witness = signerFrom('witness.example/w1', COSIGNATURE, seedOf('witness', seed))
  const policy = policyOf([log.key], [witness.key], 1)

  const checkpoint: TestLedger['checkpoint'] = async (size = events, cosigned = true) => {
    const root = tree.root(BigInt(size))
    const text = formatCheckpoint({ origin: ORIGIN, size: BigInt(size), root, extensions: [] })
    const note = parseNote(await signNote(text, [log]))
    if (!cosigned) return formatNote(note)
    const time = BigInt(START / 1000 + size)
    return formatNote({ text, signatures: [...note.signatures, await cosign(text, witness, time)] })
  }

  const bundle: TestLedger['bundle'] = async (options = {}) => {
    const { size = events, older = [], scope = { type: 'range', from: 0n, to: BigInt(size) } } =
      options
    const parts = writeBundle({
      manifest: {
        origin: ORIGIN, scope, policy: `log ${formatVerifierKey(log.key)}\nquorum none\n`
      },
      checkpoint: await checkpoint(size),
      older: await Promise.all(older.map(async (first) => ({
        checkpoint: await checkpoint(first),
        proof: proofFrom(planConsistency(BigInt(first), BigInt(size)), tree.read)
      }))),
      leaves: chosen(leaves.slice(0, size), scope),
      readNodes: async (nodes) => nodes.map(tree.read)
    })
    return joined(parts)
  }
  return { leaves, tree, policy, log, witness, checkpoint, bundle }
}

/** The data key of a section would be random; what it commits to is all that counts here. */
export const PLAIN = { '/context/ip': '192.0.2.1' }
export const R = Buffer.alloc(32, 7).toString('base64url')
export const REF = '0f8fad5b-d9cb-469f-a165-70867728950e'

function leafOf (at: number, stream: string, revision: bigint): string {
  const commit = createHmac('sha256', Buffer.from(R, 'base64url')).update(canonicalJson(PLAIN))
    .digest('base64url')
  const section = { ref: REF, paths: ['/context/ip'], commit, iv: 'AAAA', ct: 'AAAA' }
  const number = at.toString(16).padStart(12, '0')
  return leafData({
    id: `01939393-0000-7000-8000-${number}`,
    stream,
    revision,
    type: 'order.updated',
    data: {
      v: 1,
      tenant: 'acme',
      recordedAt: new Date(START + at * 1000).toISOString(),
      actor: { type: 'service', id: 'shop' },
      after: { status: 'paid', total: at / 3, note: 'grün \u{1F600} "x"\n' },
      ...(at % 5 === 0 && { sealed: [section] })
    }
  })
}

async function * chosen (leaves: string[], scope: Scope): AsyncGenerator<BundleLeaf> {
  for (const [at, leaf] of leaves.entries()) {
    const index = BigInt(at)
    const wanted = scope.type === 'range'
      ? index >= scope.from && index < scope.to
      : scope.type === 'stream' ? leaf.includes(`"stream":"${scope.stream}"`) : at % 3 === 0
    if (!wanted) continue
    yield {
      index,
      leaf,
      ...(at % 5 === 0 && at % 2 === 0 && { openings: [{ ref: REF, plain: PLAIN, r: R }] }),
      ...(at % 5 === 0 && at % 2 === 1 && { shredded: [REF] })
    }
  }
}

/** All of a text that comes in parts. */
export async function joined (parts: AsyncIterable<string>): Promise<string> {
  let text = ''
  for await (const part of parts) text += part
  return text
}
