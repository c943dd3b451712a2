import type { WebhookFilter } from '../../schemas/http/webhooks.ts'
import type { Pool } from '../postgres/pool.ts'

/** A webhook that has something to be looked at. */
export interface DueWebhook {
  id: string
  tenant: string
  url: string
  filter: WebhookFilter
  /** What is asked for may change meanwhile: then nothing of this may be written any more. */
  version: number
  /** The secrets that sign now. */
  secrets: string[]
  /** What matches up to here is delivered. */
  position: bigint
  failures: number
  failingSince: Date | null
  /** How far readers see. */
  live: bigint
}

/** Webhooks looked at in one round, those that are furthest behind. */
const DUE_MAX = 10_000

/** The webhooks that are behind what readers see and not waiting for their next attempt. */
export async function dueWebhooks (pool: Pool, now: Date): Promise<DueWebhook[]> {
  const { rows } = await pool.query<DueWebhook>(`
    select h.id, h.tenant, h.url, h.filter, h.version, h.position, h.failures,
      h.failing_since as "failingSince", p.commit_position as live,
      case when h.previous_until > $1 then array[h.secret::text, h.previous_secret::text]
        else array[h.secret::text] end as secrets
    from control.webhook h
    join control.projection p on p.name = 'entries' and p.state = 'live'
    where h.enabled and h.position < p.commit_position
      and (h.next_attempt_at is null or h.next_attempt_at <= $1)
    order by h.position, h.id limit ${DUE_MAX}`, [now])
  return rows
}

/** How far readers see now; undefined while there are no read models. */
export async function livePosition (pool: Pool): Promise<bigint | undefined> {
  const { rows: [row] } = await pool.query<{ position: bigint | null }>(`
    select commit_position as position from control.projection
    where name = 'entries' and state = 'live'`)
  return row?.position ?? undefined
}

type Place = Pick<DueWebhook, 'id' | 'version' | 'position'>

/** A row that nobody has changed since; $1 to $3. */
const UNCHANGED = 'where id = $1 and version = $2 and position = $3 and enabled'
/** The commit does not wait for the disk: what a crash takes away is sent once more. */
const QUICKLY = "from (select set_config('synchronous_commit', 'off', true)) quickly"

/** All that matches up to the position is delivered; false: somebody has changed the webhook. */
export async function markDelivered (
  pool: Pool, { id, version, position }: Place, to: { position: bigint, at: Date }
): Promise<boolean> {
  const { rowCount } = await pool.query(`
    update control.webhook set position = $4, delivered_position = $4, delivered_at = $5,
      failing_since = null, failures = 0, next_attempt_at = null, last_error = null
    ${QUICKLY} ${UNCHANGED}`, [id, version, position, to.position, to.at])
  return rowCount === 1
}

/** Nothing up to the position matches; false: somebody has changed the webhook. */
export async function markPassed (
  pool: Pool, { id, version, position }: Place, to: bigint
): Promise<boolean> {
  const { rowCount } = await pool.query(
    `update control.webhook set position = $4 ${QUICKLY} ${UNCHANGED}`,
    [id, version, position, to])
  return rowCount === 1
}

/** An attempt failed; `failingSince` null: it was our own fault. */
export async function markFailed (
  pool: Pool, { id, version, position }: Place,
  { failingSince, nextAttemptAt, error }: {
    failingSince: Date | null, nextAttemptAt: Date, error: string
  }
): Promise<void> {
  await pool.query(`
    update control.webhook set failing_since = coalesce(failing_since, $4),
      failures = failures + 1, next_attempt_at = $5, last_error = $6 ${UNCHANGED}`,
  [id, version, position, failingSince, nextAttemptAt, error])
}

/** Nothing more is sent until an administrator says so. */
export async function markDisabled (
  pool: Pool, { id, version, position }: Place, { reason, error }: { reason: string, error: string }
): Promise<void> {
  await pool.query(`
    update control.webhook set enabled = false, disabled_reason = $4, last_error = $5,
      next_attempt_at = null ${UNCHANGED}`, [id, version, position, reason, error])
}
