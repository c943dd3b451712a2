import { grouped, tenantOf } from '../../projections/keys.ts'
import { leavesFrom, listHeads, signedRoots } from '../../projections/merkle/queries.ts'
import { CHECKPOINT_ACTION } from '../../schemas/checkpoint.ts'
import type { DecodedEvent } from '../../schemas/recorded.ts'
import type { Log, LogPosition } from '../ledger/log.ts'
import type { Pool } from '../postgres/pool.ts'
import type { Tx } from '../postgres/transaction.ts'
import { compareCheckpoints } from './checkpoint.ts'
import { itemOf } from './item.ts'
import {
  compareLeaves, findingAt, oneOfEachKind, type ScrubTree
} from './scrub-compare.ts'
import { compareRows } from './scrub-rows.ts'
import {
  readScrubTrees, type ScrubState, type ScrubStep, type TenantFinding
} from './scrub-store.ts'
import { readAs } from './sealed-tree.ts'

export interface StepOptions {
  pool: Pool
  log: Log
  /** How far the rows are: nothing beyond is compared. */
  until: LogPosition
  /** Events that are read at once. */
  eventsMax: number
}

/** Rows of one tenant that are compared at once. */
const ROWS_MAX = 5_000

/** Compares the next events of the log with their rows; undefined at the end of the pass. */
export async function scrubNext (
  options: StepOptions, from: ScrubState
): Promise<ScrubStep | undefined> {
  const { pool } = options
  const read = await readNext(options, from.at)
  const last = read.at(-1)
  if (last === undefined) return undefined
  const byTenant = grouped(read.flatMap(({ leaf }) => leaf ?? []), tenantOf)
  const known = await readScrubTrees(pool, [...byTenant.keys()])
  const trees = new Map<string, ScrubTree>()
  const findings: TenantFinding[] = []
  for (const [tenant, events] of byTenant) {
    const tree = known.get(tenant)
    if (tree === undefined) continue
    const compared = await compareTenant(pool, { tenant, tree, events, until: last.at.commit })
    trees.set(tenant, compared.tree)
    findings.push(...compared.findings)
  }
  const events = [...byTenant.values()].flat()
  findings.push(...await scrubRows(options, { events, from, to: last.at }))
  return { from, to: last.at, events: read.length, trees, findings }
}

/**
 * What the log has lost at its end: rows as far as the log was compared, and no event for them;
 * and what both have lost, of which only a checkpoint still tells.
 */
export async function scrubRest (
  options: StepOptions, from: ScrubState
): Promise<TenantFinding[]> {
  const { pool, until } = options
  const trees = await readScrubTrees(pool, await tenantsOf(pool))
  const findings: TenantFinding[] = []
  for (const [tenant, tree] of trees) {
    const part = { tenant, tree, events: [], until: until.commit }
    const compared = await compareTenant(pool, part)
    const lost = await lostLeaves(pool, { ...part, tree: compared.tree })
    findings.push(...compared.findings, ...lost)
  }
  findings.push(...await scrubRows(options, { events: [], from, to: until }))
  return findings
}

/** Everybody who has a tree, in the rows or as far as the log was compared. */
async function tenantsOf (pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ tenant: string }>(`
    select tenant from read.merkle_tree union select tenant from control.scrub_tree`)
  return rows.map(({ tenant }) => tenant)
}

/** Leaves that were signed and that neither the log nor the rows have any more. */
async function lostLeaves (
  pool: Pool, { tenant, tree, until }: TenantPart
): Promise<TenantFinding[]> {
  const [head] = await readAs(pool, tenant, async (tx) =>
    await listHeads(tx, { before: until + 1n, limit: 1 }))
  if (head === undefined || head.size <= tree.size) return []
  const { position, size } = head
  const what = `a tree of ${size} leaves was signed, and there are ${tree.size}`
  return [{ ...findingAt('missing', { index: tree.size, position }, what), tenant }]
}

/** Compares the other rows of what was read; what leaves have told already is left out. */
async function scrubRows (
  { pool, log }: StepOptions,
  { events, from, to }: { events: DecodedEvent[], from: ScrubState, to: LogPosition }
): Promise<TenantFinding[]> {
  const tenants = await tenantsOf(pool)
  const stretch = { events, after: from.at?.commit ?? -1n, to: to.commit, tenants }
  const byTenant = grouped(await compareRows({ pool, log }, stretch), ({ tenant }) => tenant)
  const trees = await readScrubTrees(pool, [...byTenant.keys()])
  const findings: TenantFinding[] = []
  for (const [tenant, differences] of byTenant) {
    const first = trees.get(tenant)?.size ?? 0n
    const found = await readAs(pool, tenant, async (tx) => await leavesFrom(tx, first, ROWS_MAX))
    const leaves = new Map(found.map((leaf) => [leaf.position, leaf]))
    const hashes = new Map(events.filter((event) => tenantOf(event) === tenant)
      .map(({ position, leafHash }) => [position, leafHash]))
    const own = differences.toSorted((one, other) => Number(one.position - other.position))
      .filter(({ position }) => isToldOnlyHere(leaves.get(position)?.hash, hashes.get(position)))
    findings.push(...oneOfEachKind(own.map(({ kind, position, what }) => {
      const index = found.find((leaf) => leaf.position >= position)?.index ?? first
      return findingAt(kind, { index, position }, what)
    })).map((finding) => ({ ...finding, tenant })))
  }
  return findings
}

/** Where the log and the leaves say the same, be it nothing. */
function isToldOnlyHere (leaf: Buffer | undefined, event: Buffer | undefined): boolean {
  return leaf === undefined || event === undefined ? leaf === event : leaf.equals(event)
}

interface Read {
  at: LogPosition
  /** Undefined for what is no leaf. */
  leaf: DecodedEvent | undefined
}

/** The next events after the position, read to their end: the client must not be left early. */
async function readNext (
  { log, until, eventsMax }: StepOptions, after: LogPosition | undefined
): Promise<Read[]> {
  const read: Read[] = []
  const max = eventsMax + (after === undefined ? 0 : 1)
  for await (const recorded of log.readAll({ from: after ?? 'start', max })) {
    const at = { commit: recorded.position, prepare: recorded.prepare }
    if (compareCheckpoints(at, after) <= 0 || compareCheckpoints(at, until) > 0) continue
    const item = itemOf(recorded)
    const isLeaf = 'event' in item && item.event.action !== CHECKPOINT_ACTION
    read.push({ at, leaf: isLeaf ? item.event : undefined })
  }
  return read
}

interface TenantPart {
  tenant: string
  tree: ScrubTree
  events: readonly DecodedEvent[]
  /** Position up to which rows are compared, inclusive. */
  until: bigint
}

async function compareTenant (
  pool: Pool, { tenant, tree, events, until }: TenantPart
): Promise<{ tree: ScrubTree, findings: TenantFinding[] }> {
  return await readAs(pool, tenant, async (tx) => {
    const findings: TenantFinding[] = []
    let [current, rest] = [tree, events]
    for (;;) {
      const page = await comparePage(tx, current, rest, until)
      findings.push(...page.findings.map((finding) => ({ ...finding, tenant })))
      current = page.tree
      rest = page.rest
      if (page.isLast) return { tree: current, findings }
    }
  })
}

async function comparePage (
  tx: Tx, tree: ScrubTree, events: readonly DecodedEvent[], until: bigint
) {
  // One more than are compared, to tell whether a row is missing before it.
  const found = await leavesFrom(tx, tree.size, ROWS_MAX + 1)
  const rows = found.slice(0, ROWS_MAX).filter(({ position }) => position <= until)
  const isLast = rows.length < ROWS_MAX
  const bound = isLast ? until : rows.at(-1)?.position ?? until
  const now = events.filter(({ position }) => position <= bound)
  const end = (rows.at(-1)?.index ?? tree.size) + BigInt(now.length) + 1n
  const roots = await signedRoots(tx, tree.size, end)
  const next = found[rows.length]?.index
  const compared = compareLeaves({ tree, events: now, rows, next, roots })
  return { ...compared, isLast, rest: events.slice(now.length) }
}
