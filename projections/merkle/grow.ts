import type { DecodedEvent } from '../../schemas/recorded.ts'
import { append, EMPTY_FRONTIER, type Frontier } from '../../src/proof/merkle.ts'
import { splitHashes, TILE_HEIGHT } from '../../src/proof/tiles.ts'

/** A tree as `merkle_tree` keeps it. */
export interface TreeRow {
  tenant: string
  size: bigint | string
  frontier: Buffer
}

/** A row of `merkle_leaf`. */
export interface LeafRow {
  tenant: string
  index: bigint
  position: bigint
  hash: Buffer
}

/** A row of `merkle_node`: level 1 is a full tile of leaves. */
export interface NodeRow extends LeafRow {
  level: number
}

/** What a tree has become, and the rows that this adds. */
export interface Growth {
  tenant: string
  frontier: Frontier
  /** Of the last leaf. */
  position: bigint
  leaves: LeafRow[]
  nodes: NodeRow[]
}

/** The frontier of a row; of no row, that of the empty tree. */
export function frontierOf (row: TreeRow | undefined): Frontier {
  return row === undefined
    ? EMPTY_FRONTIER
    : { size: BigInt(row.size), nodes: splitHashes(row.frontier) }
}

/** Appends the leaves of one tenant's events, which are consecutive and at least one. */
export function grow (
  tenant: string, before: Frontier, events: readonly DecodedEvent[]
): Growth {
  const nodes: NodeRow[] = []
  const positionOf = (index: bigint): bigint => events[Number(index - before.size)]?.position ?? 0n
  const frontier = append(before, events.map(({ leafHash }) => leafHash), (node) => {
    if (node.level === 0 || node.level % TILE_HEIGHT !== 0) return
    const last = ((node.index + 1n) << BigInt(node.level)) - 1n
    nodes.push({
      tenant,
      level: node.level / TILE_HEIGHT,
      index: node.index,
      position: positionOf(last),
      hash: node.hash
    })
  })
  const leaves = events.map(({ position, leafHash: hash }, at) =>
    ({ tenant, index: before.size + BigInt(at), position, hash }))
  return { tenant, frontier, position: positionOf(frontier.size - 1n), leaves, nodes }
}
