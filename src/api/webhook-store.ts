import type { PatchWebhook, WebhookFilter } from '../../schemas/http/webhooks.ts'
import { WEBHOOKS_MAX } from '../../schemas/http/webhooks.ts'
import { LedgerError } from '../errors.ts'
import { codeOf } from '../postgres/errors.ts'
import type { Tx } from '../postgres/transaction.ts'

/** A webhook as it is kept. */
export interface WebhookRecord {
  id: string
  tenant: string
  url: string
  filter: WebhookFilter
  enabled: boolean
  secret: string
  previousSecret: string | null
  previousUntil: Date | null
  createdAt: Date
  updatedAt: Date
  position: bigint
  deliveredPosition: bigint | null
  deliveredAt: Date | null
  failingSince: Date | null
  failures: number
  nextAttemptAt: Date | null
  lastError: string | null
  disabledReason: string | null
}

export type NewWebhookRecord =
  Pick<WebhookRecord, 'id' | 'tenant' | 'url' | 'filter' | 'enabled' | 'secret' | 'position'>

/** SQLSTATE of a row that somebody else holds. */
const LOCKED = '55P03'

const COLUMNS = `id, tenant, url, filter, enabled, secret, previous_secret as "previousSecret",
  previous_until as "previousUntil", created_at as "createdAt", updated_at as "updatedAt",
  position, delivered_position as "deliveredPosition", delivered_at as "deliveredAt",
  failing_since as "failingSince", failures, next_attempt_at as "nextAttemptAt",
  last_error as "lastError", disabled_reason as "disabledReason"`

/** A tenant's webhooks, the newest first. */
export async function listWebhooks (tx: Tx, tenant: string): Promise<WebhookRecord[]> {
  const { rows } = await tx.query<WebhookRecord>(
    `select ${COLUMNS} from control.webhook where tenant = $1
     order by created_at desc, id limit ${WEBHOOKS_MAX}`, [tenant])
  return rows
}

/** A webhook that the transaction may see. Throws NOT_FOUND. */
export async function findWebhook (tx: Tx, id: string): Promise<WebhookRecord> {
  const { rows } = await tx.query<WebhookRecord>(
    `select ${COLUMNS} from control.webhook where id = $1`, [id])
  return only(rows)
}

/** The same, locked until the transaction ends: the worker waits, and then sees the change. */
export async function lockWebhook (tx: Tx, id: string): Promise<WebhookRecord> {
  const { rows } = await tx.query<WebhookRecord>(
    `select ${COLUMNS} from control.webhook where id = $1 for update`, [id])
  return only(rows)
}

/**
 * Keeps a new one. Throws NOT_FOUND of a tenant, WRONG_STATE beyond WEBHOOKS_MAX, OVERLOADED while
 * another one of the tenant is made: to wait here would hold the connection that the other needs.
 */
export async function insertWebhook (tx: Tx, hook: NewWebhookRecord): Promise<WebhookRecord> {
  await lockTenant(tx, hook.tenant)
  if ((await listWebhooks(tx, hook.tenant)).length >= WEBHOOKS_MAX) {
    throw new LedgerError('WRONG_STATE', `A tenant has at most ${WEBHOOKS_MAX} webhooks`)
  }
  const { id, tenant, url, filter, enabled, secret, position } = hook
  const { rows } = await tx.query<WebhookRecord>(
    `insert into control.webhook (id, tenant, url, filter, enabled, secret, position)
     values ($1, $2, $3, $4, $5, $6, $7) returning ${COLUMNS}`,
    [id, tenant, url, JSON.stringify(filter), enabled, secret, position])
  return only(rows)
}

async function lockTenant (tx: Tx, tenant: string): Promise<void> {
  try {
    const { rows } = await tx.query(
      'select from control.tenant where name = $1 for no key update nowait', [tenant])
    if (rows.length === 0) throw new LedgerError('NOT_FOUND', 'There is no such tenant')
  } catch (cause) {
    if (codeOf(cause) !== LOCKED) throw cause
    throw new LedgerError('OVERLOADED', 'the tenant is being changed', { cause, retryAfterS: 1 })
  }
}

/** Changes what is given and begins anew: failures of before do not count. Throws NOT_FOUND. */
export async function updateWebhook (
  tx: Tx, id: string, { url, filter, enabled, after }: PatchWebhook
): Promise<WebhookRecord> {
  const { rows } = await tx.query<WebhookRecord>(`
    update control.webhook set url = coalesce($2, url), filter = coalesce($3, filter),
      enabled = coalesce($4, enabled), position = coalesce($5, position),
      version = version + 1, updated_at = now(), failing_since = null, failures = 0,
      next_attempt_at = null, last_error = null, disabled_reason = null
    where id = $1 returning ${COLUMNS}`,
  [id, url, filter === undefined ? null : JSON.stringify(filter), enabled, after])
  return only(rows)
}

/** Signs with another secret from now on, and until then with the present one too. */
export async function replaceSecret (
  tx: Tx, id: string, { secret, until }: { secret: string, until: Date }
): Promise<WebhookRecord> {
  const { rows } = await tx.query<WebhookRecord>(`
    update control.webhook set previous_secret = secret, previous_until = $3, secret = $2,
      version = version + 1, updated_at = now()
    where id = $1 returning ${COLUMNS}`, [id, secret, until])
  return only(rows)
}

/** Removes it, and tells what it was. Throws NOT_FOUND. */
export async function deleteWebhook (tx: Tx, id: string): Promise<WebhookRecord> {
  const { rows } = await tx.query<WebhookRecord>(
    `delete from control.webhook where id = $1 returning ${COLUMNS}`, [id])
  return only(rows)
}

/** The secrets that sign now, the newest first. */
export function signingSecrets (
  { secret, previousSecret, previousUntil }:
  Pick<WebhookRecord, 'secret' | 'previousSecret' | 'previousUntil'>, now: number
): string[] {
  const overlaps = previousSecret !== null && previousUntil !== null &&
    previousUntil.getTime() > now
  return overlaps ? [secret, previousSecret] : [secret]
}

function only (rows: readonly WebhookRecord[]): WebhookRecord {
  const [row] = rows
  if (row === undefined) throw new LedgerError('NOT_FOUND', 'There is no such webhook')
  return row
}
