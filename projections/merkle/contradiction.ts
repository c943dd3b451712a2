import type { Tx } from '../projection.ts'
import { rootAt } from './queries.ts'

interface Head {
  tenant: string
  size: bigint | string
  root: Buffer
}

const LIVE = "select to_regclass('read.merkle_tree') is not null as live"

/** The last checkpoint of each tenant; `prefix` says whose tables. */
const lastHeads = (prefix: string): string => `
  select t.tenant, c.size, c.root
  from ${prefix}merkle_tree t
  cross join lateral (
    select c.size, c.root from ${prefix}merkle_checkpoint c
    where c.tenant = t.tenant order by c.position desc limit 1) c`

/**
 * Whether the trees that the search path shows are not those that were signed: by the last
 * checkpoint that the log has, or, but for tenants of which it was accepted that the log has lost
 * some, by the last that readers have seen. The first contradiction in words, or undefined.
 */
export async function contradiction (
  tx: Tx, lost: ReadonlySet<string> = new Set()
): Promise<string | undefined> {
  const { rows: [found] } = await tx.query<{ live: boolean }>(LIVE)
  const { rows: own } = await tx.query<Head>(lastHeads(''))
  const { rows: seen } = found?.live === true
    ? await tx.query<Head>(lastHeads('read.'))
    : { rows: [] }
  const others = seen.filter(({ tenant }) => !lost.has(tenant))
  for (const { tenant, size, root } of [...own, ...others]) {
    await tx.query("select set_config('ledger.tenant', $1, true)", [tenant])
    const actual = await rootAt(tx, BigInt(size))
    if (actual?.equals(root) === true) continue
    return actual === undefined
      ? `the log has fewer than the ${size} leaves that were signed for ${tenant}`
      : `the first ${size} leaves of ${tenant} are not those that were signed`
  }
  return undefined
}
