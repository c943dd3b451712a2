import { grouped, tenantOf } from '../../projections/keys.ts'
import { leavesFrom, signedRoots } from '../../projections/merkle/queries.ts'
import { CHECKPOINT_ACTION } from '../../schemas/checkpoint.ts'
import type { DecodedEvent } from '../../schemas/recorded.ts'
import type { Log, LogPosition } from '../ledger/log.ts'
import type { Pool } from '../postgres/pool.ts'
import type { Tx } from '../postgres/transaction.ts'
import { compareCheckpoints } from './checkpoint.ts'
import { itemOf } from './item.ts'
import { compareLeaves, type ScrubTree } from './scrub-compare.ts'
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
  return { from, to: last.at, events: read.length, trees, findings }
}

/** What the log has lost at its end: rows as far as the log was compared, and no event for them. */
export async function scrubRest ({ pool, until }: StepOptions): Promise<TenantFinding[]> {
  const { rows } = await pool.query<{ tenant: string }>('select tenant from read.merkle_tree')
  const trees = await readScrubTrees(pool, rows.map(({ tenant }) => tenant))
  const findings: TenantFinding[] = []
  for (const [tenant, tree] of trees) {
    const part = { tenant, tree, events: [], until: until.commit }
    findings.push(...(await compareTenant(pool, part)).findings)
  }
  return findings
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
