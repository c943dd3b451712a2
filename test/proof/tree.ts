import { hash } from 'node:crypto'
import { leafHash } from '../../src/proof/leaf.ts'
import {
  append, EMPTY_FRONTIER, EMPTY_ROOT, foldRight, frontierNodes, type NodeId
} from '../../src/proof/merkle.ts'

/** A tree with all its nodes, to make proofs from. */
export interface TestTree {
  leaves: Buffer[]
  read: (node: NodeId) => Buffer
  /** The root of its first `size` leaves. */
  root: (size: bigint) => Buffer
  claim: (index: bigint, size: bigint) => {
    index: bigint, size: bigint, leafHash: Buffer, root: Buffer
  }
}

/** The tree of these leaf hashes, or of that many. */
export function treeOf (leaves: Buffer[] | number): TestTree {
  const hashes = typeof leaves === 'number'
    ? Array.from({ length: leaves }, (_, at) => leafHash(`leaf ${at}`))
    : leaves
  const nodes = new Map<string, Buffer>()
  append(EMPTY_FRONTIER, hashes, ({ level, index, hash }) => nodes.set(`${level}/${index}`, hash))
  const read = ({ level, index }: NodeId): Buffer => {
    const hash = nodes.get(`${level}/${index}`)
    if (hash === undefined) throw new Error(`the tree has no full node ${level}/${index}`)
    return hash
  }
  const root = (size: bigint) => foldRight(frontierNodes(size).map(read)) ?? EMPTY_ROOT
  return {
    leaves: hashes,
    read,
    root,
    claim: (index, size) => ({
      index, size, leafHash: hashes[Number(index)] ?? Buffer.alloc(0), root: root(size)
    })
  }
}

/** MTH of RFC 9162 section 2.1.1, word by word. */
export function referenceRoot (leaves: readonly Buffer[]): Buffer {
  const [first] = leaves
  if (first === undefined) return hash('sha256', '', 'buffer')
  if (leaves.length === 1) return first
  const k = split(leaves.length)
  const [left, right] = [referenceRoot(leaves.slice(0, k)), referenceRoot(leaves.slice(k))]
  return hash('sha256', Buffer.concat([Buffer.from([1]), left, right]), 'buffer')
}

/** PATH of RFC 9162 section 2.1.3.1, word by word. */
export function referenceProof (m: number, leaves: readonly Buffer[]): Buffer[] {
  if (leaves.length <= 1) return []
  const k = split(leaves.length)
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)]
  return m < k
    ? [...referenceProof(m, left), referenceRoot(right)]
    : [...referenceProof(m - k, right), referenceRoot(left)]
}

function split (n: number): number {
  let k = 1
  while (k * 2 < n) k *= 2
  return k
}
