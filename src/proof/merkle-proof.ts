import {
  coveringNodes, EMPTY_ROOT, foldRight, nodeHash, splitOf, treeRoot, type NodeId
} from './merkle.ts'

/**
 * How to make a proof: one entry for each of its hashes, the full subtrees that this hash is
 * folded from. `plan.flat()` is what to fetch, in one go.
 */
export type ProofPlan = readonly (readonly NodeId[])[]

/** The hash of a full node that a plan asked for. */
export type NodeReader = (node: NodeId) => Buffer

/** Neighbouring leaves [from, to) of a tree of that size. */
export interface LeafRange {
  from: bigint
  to: bigint
  size: bigint
}

/**
 * Which nodes prove that leaf `index` is in the tree of that size, from the leaf up: RFC 9162
 * section 2.1.3.1. Throws RangeError unless 0 <= index < size.
 */
export function planInclusion (index: bigint, size: bigint): ProofPlan {
  if (index < 0n || index >= size) throw new RangeError(`leaf ${index} in a tree of ${size}`)
  const plan: NodeId[][] = []
  let [from, to] = [0n, size]
  while (to - from > 1n) {
    const middle = from + splitOf(to - from)
    if (index < middle) {
      plan.push(coveringNodes(middle, to))
      to = middle
    } else {
      plan.push(coveringNodes(from, middle))
      from = middle
    }
  }
  return plan.reverse()
}

/**
 * Which nodes prove that the tree of `first` leaves is what the tree of `second` leaves began as:
 * RFC 9162 section 2.1.4.1. Nothing needs to be shown for 0 leaves, nor for equal sizes. Throws
 * RangeError unless 0 <= first <= second.
 */
export function planConsistency (first: bigint, second: bigint): ProofPlan {
  if (first < 0n || first > second) throw new RangeError(`from ${first} to ${second} leaves`)
  if (first === 0n) return []
  const plan: NodeId[][] = []
  let [from, to] = [0n, second]
  while (first < to) {
    const middle = from + splitOf(to - from)
    if (first <= middle) {
      plan.push(coveringNodes(middle, to))
      to = middle
    } else {
      plan.push(coveringNodes(from, middle))
      from = middle
    }
  }
  // The old root itself is known to the verifier; a part of it is not.
  if (from > 0n) plan.push(coveringNodes(from, to))
  return plan.reverse()
}

/**
 * Which nodes prove neighbouring leaves in one go, from left to right: the roots of the largest
 * parts of the tree (as RFC 9162 section 2.1.1 splits it) without any of these leaves. Throws
 * RangeError unless 0 <= from < to <= size.
 */
export function planRange (range: LeafRange): ProofPlan {
  assertRange(range)
  return outside(range, 0n, range.size)
}

/** The hashes of a proof. */
export function proofFrom (plan: ProofPlan, read: NodeReader): Buffer[] {
  return plan.map((nodes) => foldRight(nodes.map(read)) ?? EMPTY_ROOT)
}

/** What an inclusion proof is about. Hashes are 32 bytes. */
export interface InclusionClaim {
  index: bigint
  size: bigint
  leafHash: Buffer
  root: Buffer
}

/**
 * Whether a proof shows that the leaf is at that index: RFC 9162 section 2.1.3.2. A proof that is
 * longer or shorter than it must be is refused.
 */
export function verifyInclusion (claim: InclusionClaim, proof: readonly Buffer[]): boolean {
  const { index, size, leafHash, root } = claim
  if (index < 0n || index >= size) return false
  let [fn, sn, node] = [index, size - 1n, leafHash]
  for (const sibling of proof) {
    if (sn === 0n) return false
    if (isOdd(fn) || fn === sn) {
      node = nodeHash(sibling, node)
      while (!isOdd(fn) && fn !== 0n) [fn, sn] = [fn >> 1n, sn >> 1n]
    } else {
      node = nodeHash(node, sibling)
    }
    [fn, sn] = [fn >> 1n, sn >> 1n]
  }
  return sn === 0n && node.equals(root)
}

/** What a consistency proof is about. Roots are 32 bytes. */
export interface ConsistencyClaim {
  first: bigint
  second: bigint
  firstRoot: Buffer
  secondRoot: Buffer
}

/**
 * Whether a proof shows that the second tree began as the first: RFC 9162 section 2.1.4.2. Every
 * tree began as the empty one; equal sizes need equal roots; both have an empty proof.
 */
export function verifyConsistency (claim: ConsistencyClaim, proof: readonly Buffer[]): boolean {
  const { first, second, firstRoot, secondRoot } = claim
  if (first < 0n || first > second) return false
  if (first === second) return proof.length === 0 && firstRoot.equals(secondRoot)
  if (first === 0n) return proof.length === 0 && firstRoot.equals(EMPTY_ROOT)
  if (proof.length === 0) return false
  const [start, ...path] = isPowerOfTwo(first) ? [firstRoot, ...proof] : proof
  let [fn, sn] = [first - 1n, second - 1n]
  while (isOdd(fn)) [fn, sn] = [fn >> 1n, sn >> 1n]
  let [fr, sr] = [start ?? firstRoot, start ?? firstRoot]
  for (const node of path) {
    if (sn === 0n) return false
    if (isOdd(fn) || fn === sn) {
      fr = nodeHash(node, fr)
      sr = nodeHash(node, sr)
      while (!isOdd(fn) && fn !== 0n) [fn, sn] = [fn >> 1n, sn >> 1n]
    } else {
      sr = nodeHash(sr, node)
    }
    [fn, sn] = [fn >> 1n, sn >> 1n]
  }
  return sn === 0n && fr.equals(firstRoot) && sr.equals(secondRoot)
}

/**
 * Whether a proof by planRange shows that the tree with that root holds these leaf hashes at
 * [from, to). Every hash of the proof must be needed.
 */
export function verifyRange (
  range: LeafRange, leafHashes: readonly Buffer[], proof: readonly Buffer[], root: Buffer
): boolean {
  assertRange(range)
  const { from, to, size } = range
  if (BigInt(leafHashes.length) !== to - from) return false
  let used = 0
  const rootOf = (lo: bigint, hi: bigint): Buffer | undefined => {
    if (hi <= from || lo >= to) return proof[used++]
    if (lo >= from && hi <= to) {
      return treeRoot(leafHashes.slice(Number(lo - from), Number(hi - from)))
    }
    const middle = lo + splitOf(hi - lo)
    const left = rootOf(lo, middle)
    const right = rootOf(middle, hi)
    return left && right && nodeHash(left, right)
  }
  return rootOf(0n, size)?.equals(root) === true && used === proof.length
}

function outside (range: LeafRange, lo: bigint, hi: bigint): NodeId[][] {
  if (hi <= range.from || lo >= range.to) return [coveringNodes(lo, hi)]
  if (lo >= range.from && hi <= range.to) return []
  const middle = lo + splitOf(hi - lo)
  return [...outside(range, lo, middle), ...outside(range, middle, hi)]
}

function assertRange ({ from, to, size }: LeafRange): void {
  if (from < 0n || from >= to || to > size) {
    throw new RangeError(`leaves ${from} to ${to} of a tree of ${size}`)
  }
}

function isOdd (n: bigint): boolean {
  return (n & 1n) === 1n
}

function isPowerOfTwo (n: bigint): boolean {
  return (n & (n - 1n)) === 0n
}
