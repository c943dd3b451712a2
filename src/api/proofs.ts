import { setTimeout as sleep } from 'node:timers/promises'
import {
  keyChanges, lastHead, leavesOfEvents, nodeReader, type EventLeaf, type Leaf,
  type SignedHead
} from '../../projections/merkle/queries.ts'
import type { Tx } from '../../projections/projection.ts'
import type { InclusionProof } from '../../schemas/http/proofs.ts'
import { LedgerError } from '../errors.ts'
import type { Pool } from '../postgres/pool.ts'
import { inTenant } from '../postgres/transaction.ts'
import { parseSignedCheckpoint } from '../proof/checkpoint.ts'
import { ED25519, verifierKey } from '../proof/keys.ts'
import { planInclusion, proofFrom, verifyInclusion } from '../proof/merkle-proof.ts'
import { formatPolicy } from '../proof/policy.ts'
import { openReading } from './reading.ts'
import { servedHead } from './served-head.ts'

const POLL_MS = 100

/** The signed checkpoint to answer with, see servedHead. Throws NOT_SEALED before the first. */
export async function requireHead (tx: Tx, leaves = 0n): Promise<SignedHead> {
  const head = await servedHead(tx, { leaves })
  if (head === undefined) throw notSealed('nothing is signed yet')
  return head
}

/**
 * The inclusion proofs of leaves in the tree of a checkpoint, in order. Throws NOT_SEALED for a
 * leaf that it does not have yet, CONTRADICTION rather than give out a proof that does not hold.
 */
export async function proveLeaves (
  tx: Tx, { size, root }: SignedHead, leaves: readonly Leaf[]
): Promise<Buffer[][]> {
  if (leaves.some(({ index }) => index >= size)) throw notSealed(`only ${size} leaves are signed`)
  const plans = leaves.map(({ index }) => planInclusion(index, size))
  const read = await nodeReader(tx, plans.flat(2), size)
  return leaves.map(({ index, hash: leafHash }, at) => {
    const proof = proofOf(plans[at] ?? [], read)
    if (proof && verifyInclusion({ index, size, leafHash, root }, proof)) return proof
    throw new LedgerError('CONTRADICTION', `the rows do not lead from leaf ${index} to the root`)
  })
}

function proofOf (...given: Parameters<typeof proofFrom>): Buffer[] | undefined {
  try {
    return proofFrom(...given)
  } catch (err) {
    if (!(err instanceof RangeError)) throw err
    return undefined
  }
}

/** The size of the smallest tree that has all of these leaves. */
export function sizeWith (leaves: readonly Leaf[]): bigint {
  return leaves.reduce((size, { index }) => index >= size ? index + 1n : size, 0n)
}

/** A proof as the API gives it. */
export function proofView (
  { size, note }: SignedHead, { index, hash }: Leaf, proof: readonly Buffer[]
): InclusionProof {
  return {
    index: String(index),
    size: String(size),
    leafHash: hash.toString('hex'),
    proof: proof.map((node) => node.toString('base64')),
    checkpoint: note
  }
}

/** The origin of a checkpoint: `<ledger name>/<tenant>`. */
export function originOf ({ note }: SignedHead): string {
  return parseSignedCheckpoint(note).checkpoint.origin
}

/**
 * Our keys for one of the tenant's logs, and which sizes each may sign: C2SP tlog-policy. As it was
 * at a position of the log, if one is given. Keys that signed other epochs only are not among them:
 * they may be lost.
 */
export async function policyOfLog (tx: Tx, origin: string, upTo?: bigint): Promise<string> {
  const changes = changesOf(origin, (await keyChanges(tx))
    .filter(({ position }) => upTo === undefined || position <= upTo))
  const current = changes.at(-1)?.keys[0]
  const keys = [...new Set(changes.flatMap(({ keys }) => [...keys].reverse()))]
  const logs = keys.map((publicKey) => {
    const signed = changes.filter((change) => change.keys.includes(publicKey))
    const isFirst = changes[0]?.keys.includes(publicKey) === true
    return {
      key: verifierKey(origin, ED25519, Buffer.from(publicKey, 'base64')),
      from: isFirst ? 0n : signed[0]?.size ?? 0n,
      to: publicKey === current ? undefined : signed.at(-1)?.size
    }
  })
  return formatPolicy({ logs, witnesses: [], groups: [], quorum: 'none' })
}

/** Where other keys began to sign, in the order of the log. */
type KeyChange = Pick<SignedHead, 'keys' | 'size'>

/** The changes of an epoch, and the key that went on from the one before unless that was lost. */
function changesOf (origin: string, changes: readonly SignedHead[]): KeyChange[] {
  const epoch = epochIn(origin)
  const own = changes.filter((head) => epochIn(originOf(head)) === epoch)
  const before = changes.filter((head) => epochIn(originOf(head)) < epoch).at(-1)?.keys[0]
  const goesOn = before !== undefined && own[0]?.keys.includes(before) !== false
  return goesOn ? [{ keys: [before], size: 0n }, ...own] : own
}

/** `<ledger name>/<tenant>`, from the second epoch on with its number. */
function epochIn (origin: string): number {
  return Number(origin.split('/')[2] ?? 1)
}

/**
 * Waits until a signed checkpoint has all of these events, which are projected; the proofs by id,
 * none after `timeoutMs`.
 */
export async function waitForProofs (
  pool: Pool, tenant: string, ids: readonly string[], timeoutMs: number
): Promise<ReadonlyMap<string, InclusionProof>> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const proofs = await inTenant(pool, tenant, async (tx) => {
      await openReading(tx)
      return await proveEvents(tx, ids)
    })
    if (proofs !== undefined) return proofs
    if (performance.now() + POLL_MS > deadline) return new Map()
    await sleep(POLL_MS)
  }
}

async function proveEvents (
  tx: Tx, ids: readonly string[]
): Promise<ReadonlyMap<string, InclusionProof> | undefined> {
  const [last, leaves] = await Promise.all([lastHead(tx), leavesOfEvents(tx, ids)])
  const isSealed = ({ index }: EventLeaf): boolean => last !== undefined && index < last.size
  if (last === undefined || leaves.length < ids.length || !leaves.every(isSealed)) return undefined
  const head = await requireHead(tx, sizeWith(leaves))
  const proofs = await proveLeaves(tx, head, leaves)
  return new Map(leaves.map((leaf, at) => [leaf.id, proofView(head, leaf, proofs[at] ?? [])]))
}

function notSealed (message: string): LedgerError {
  return new LedgerError('NOT_SEALED', message, { retryAfterS: 1 })
}
