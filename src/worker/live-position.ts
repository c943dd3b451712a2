import type { LogPosition } from '../ledger/log.ts'
import type { Pool } from '../postgres/pool.ts'

/** How far the trees that readers see have come; undefined while there are none. */
export async function livePosition (pool: Pool): Promise<LogPosition | undefined> {
  const { rows: [row] } = await pool.query<{ commit: bigint | null, prepare: bigint | null }>(`
    select commit_position as commit, prepare_position as prepare
    from control.projection where name = 'merkle' and state = 'live'`)
  const { commit = null, prepare = null } = row ?? {}
  return commit === null || prepare === null ? undefined : { commit, prepare }
}
