import { CHECKPOINT_ACTION } from '../../schemas/checkpoint.ts'
import type { DecodedEvent } from '../../schemas/recorded.ts'
import { isCosigned } from '../cosignatures/projection.ts'
import { bigintColumn, hashColumn, textColumn, timestampColumn } from '../columns.ts'
import { grouped, tenantOf } from '../keys.ts'
import type { Batch, Projection, Statement, Tx } from '../projection.ts'
import { contradiction } from './contradiction.ts'
import { frontierOf, grow, type Growth, type TreeRow } from './grow.ts'
import { headOf, type HeadRow } from './head.ts'

const READ_TREES: Statement = {
  name: 'read_trees',
  text: 'select tenant, size, frontier from merkle_tree where tenant = any($1::text[])'
}

const INSERT_LEAVES: Statement = {
  name: 'insert_leaves',
  text: `
    insert into merkle_leaf (tenant, index, position, hash)
    select unnest($1::text[]), unnest($2::bigint[]), unnest($3::bigint[]), unnest($4::bytea[])`
}

const INSERT_NODES: Statement = {
  name: 'insert_nodes',
  text: `
    insert into merkle_node (tenant, level, index, position, hash)
    select * from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[])`
}

const KEEP_TREES: Statement = {
  name: 'keep_trees',
  text: `
    insert into merkle_tree (tenant, size, position, frontier)
    select * from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bytea[])
    on conflict (tenant) do update set
      size = excluded.size, position = excluded.position, frontier = excluded.frontier`
}

const INSERT_CHECKPOINTS: Statement = {
  name: 'insert_checkpoints',
  text: `
    insert into merkle_checkpoint (
      tenant, position, prepare, revision, size, root, recorded_at, note, keys)
    select * from unnest(
      $1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[],
      $7::timestamptz[], $8::text[], $9::text[])`
}

/**
 * The Merkle tree of each tenant: RFC 9162 section 2.1 over the leaf hashes of its records, in the
 * order of `$all`. What is a leaf depends on nothing but the log: every record is one, except for
 * checkpoints.
 */
export const merkle: Projection = {
  name: 'merkle',
  version: 1,
  tables: 'projections/merkle/tables.sql',
  views: ['merkle_leaf', 'merkle_node', 'merkle_tree', 'merkle_checkpoint'],
  takes: 'everything',
  contradiction: async (tx, lost) => await contradiction(tx, lost),
  async apply (batch, tx) {
    const leaves = batch.events.filter(({ action }) => action !== CHECKPOINT_ACTION)
    const heads = batch.events.filter((event) =>
      event.action === CHECKPOINT_ACTION && !isCosigned(event))
    await Promise.all([growTrees(leaves, tx), keepHeads(heads, batch, tx)])
  }
}

async function growTrees (events: readonly DecodedEvent[], tx: Tx): Promise<void> {
  if (events.length === 0) return
  const byTenant = grouped(events, tenantOf)
  const { rows } = await tx.query<TreeRow>(READ_TREES, [textColumn([...byTenant.keys()])])
  const trees = new Map(rows.map((row) => [row.tenant, row]))
  const growths = [...byTenant].map(([tenant, own]) =>
    grow(tenant, frontierOf(trees.get(tenant)), own))
  await Promise.all([insertLeaves(growths, tx), insertNodes(growths, tx), keepTrees(growths, tx)])
}

async function insertLeaves (growths: readonly Growth[], tx: Tx): Promise<void> {
  const leaves = growths.flatMap((growth) => growth.leaves)
  await tx.query(INSERT_LEAVES, [
    textColumn(leaves.map(({ tenant }) => tenant)),
    bigintColumn(leaves.map(({ index }) => index)),
    bigintColumn(leaves.map(({ position }) => position)),
    hashColumn(leaves.map(({ hash }) => hash))
  ])
}

async function insertNodes (growths: readonly Growth[], tx: Tx): Promise<void> {
  const nodes = growths.flatMap((growth) => growth.nodes)
  if (nodes.length === 0) return
  await tx.query(INSERT_NODES, [
    textColumn(nodes.map(({ tenant }) => tenant)),
    bigintColumn(nodes.map(({ level }) => level)),
    bigintColumn(nodes.map(({ index }) => index)),
    bigintColumn(nodes.map(({ position }) => position)),
    hashColumn(nodes.map(({ hash }) => hash))
  ])
}

async function keepTrees (growths: readonly Growth[], tx: Tx): Promise<void> {
  await tx.query(KEEP_TREES, [
    textColumn(growths.map(({ tenant }) => tenant)),
    bigintColumn(growths.map(({ frontier }) => frontier.size)),
    bigintColumn(growths.map(({ position }) => position)),
    growths.map(({ frontier }) => Buffer.concat(frontier.nodes))
  ])
}

async function keepHeads (
  events: readonly DecodedEvent[], { park }: Batch, tx: Tx
): Promise<void> {
  const heads: HeadRow[] = []
  for (const event of events) {
    const head = headOf(event)
    if ('refused' in head) park(event, 'MALFORMED_CHECKPOINT', head.refused)
    else heads.push(head)
  }
  if (heads.length === 0) return
  await tx.query(INSERT_CHECKPOINTS, [
    textColumn(heads.map(({ tenant }) => tenant)),
    bigintColumn(heads.map(({ event }) => event.position)),
    bigintColumn(heads.map(({ event }) => event.prepare)),
    bigintColumn(heads.map(({ event }) => event.revision)),
    bigintColumn(heads.map(({ size }) => size)),
    hashColumn(heads.map(({ root }) => root)),
    timestampColumn(heads.map(({ event }) => event.data.recordedAt)),
    textColumn(heads.map(({ note }) => note)),
    textColumn(heads.map(({ keys }) => keys.join(' ')))
  ])
}
