import { hash } from 'node:crypto'
import { HASH_BYTES } from './format.ts'

/**
 * A node of the tree: the subtree over the leaves [index * 2^level, (index + 1) * 2^level).
 * Level 0 are the leaf hashes.
 */
export interface NodeId {
  level: number
  index: bigint
}

/** A node with its hash, 32 bytes. */
export interface TreeNode extends NodeId {
  hash: Buffer
}

/**
 * All that is needed to append to a tree: its size, and the hashes of the full subtrees it falls
 * into, from the left (largest) to the right, one for each bit of the size that is set.
 */
export interface Frontier {
  readonly size: bigint
  readonly nodes: readonly Buffer[]
}

/** The tree without leaves. */
export const EMPTY_FRONTIER: Frontier = { size: 0n, nodes: [] }

/** The root of the empty tree: SHA-256 of nothing. RFC 9162 section 2.1.1. */
export const EMPTY_ROOT: Buffer = hash('sha256', '', 'buffer')

/** 0x01 and two hashes. It is filled and hashed in one go, so that nothing sees it in between. */
const pair = Buffer.alloc(1 + 2 * HASH_BYTES, 1)

/**
 * The hash of an inner node: SHA-256(0x01 || left || right), RFC 9162 section 2.1.1. Throws
 * RangeError unless both are 32 bytes.
 */
export function nodeHash (left: Buffer, right: Buffer): Buffer {
  if (left.length !== HASH_BYTES || right.length !== HASH_BYTES) {
    throw new RangeError('a node of the tree is made of two hashes of 32 bytes')
  }
  pair.set(left, 1)
  pair.set(right, 1 + HASH_BYTES)
  return hash('sha256', pair, 'buffer')
}

/**
 * The tree after appending leaf hashes (RFC 9162 section 2.1.2). `completed` is told every node
 * that becomes full, the leaves included, children before parents: whoever keeps tiles stores
 * those of levels 0, 8, 16 … Throws RangeError for a frontier that belongs to no tree.
 */
export function append (
  frontier: Frontier, leafHashes: Iterable<Buffer>, completed?: (node: TreeNode) => void
): Frontier {
  const nodes = [...frontier.nodes]
  let size = frontier.size
  if (nodes.length !== bitsSet(size)) {
    throw new RangeError(`a frontier of ${nodes.length} nodes for a tree of ${size} leaves`)
  }
  for (const leaf of leafHashes) {
    let node = { level: 0, index: size, hash: leaf }
    completed?.(node)
    while ((node.index & 1n) === 1n) {
      const left = nodes.pop() ?? EMPTY_ROOT
      node = { level: node.level + 1, index: node.index >> 1n, hash: nodeHash(left, node.hash) }
      completed?.(node)
    }
    nodes.push(node.hash)
    size += 1n
  }
  return { size, nodes }
}

/** The root of a tree (RFC 9162 section 2.1.1), 32 bytes. */
export function frontierRoot ({ nodes }: Frontier): Buffer {
  return foldRight(nodes) ?? EMPTY_ROOT
}

/** The root over a list of leaf hashes: MTH of RFC 9162 section 2.1.1. */
export function treeRoot (leafHashes: Iterable<Buffer>): Buffer {
  return frontierRoot(append(EMPTY_FRONTIER, leafHashes))
}

/** Which nodes the frontier of a tree of that size consists of, in its order. */
export function frontierNodes (size: bigint): NodeId[] {
  return coveringNodes(0n, size)
}

/**
 * The full subtrees that the leaves [from, to) fall into, largest first. `from` must be where a
 * subtree of that width can begin, as it is wherever RFC 9162 splits a tree.
 */
export function coveringNodes (from: bigint, to: bigint): NodeId[] {
  const nodes: NodeId[] = []
  let at = from
  while (at < to) {
    const level = bitLength(to - at) - 1
    nodes.push({ level, index: at >> BigInt(level) })
    at += 1n << BigInt(level)
  }
  return nodes
}

/** The hash over neighbouring subtrees, largest first; undefined for none. */
export function foldRight (hashes: readonly Buffer[]): Buffer | undefined {
  return hashes.reduceRight<Buffer | undefined>(
    (right, left) => right === undefined ? left : nodeHash(left, right), undefined)
}

/** Where RFC 9162 section 2.1.1 splits a tree of n > 1 leaves: the largest power of 2 below n. */
export function splitOf (n: bigint): bigint {
  return 1n << BigInt(bitLength(n - 1n) - 1)
}

function bitLength (n: bigint): number {
  return n.toString(2).length
}

function bitsSet (n: bigint): number {
  return n.toString(2).replaceAll('0', '').length
}
