import { envelopesAfter, type Envelope } from '../../projections/entries/after.ts'
import { isLedgerError } from '../errors.ts'
import { inTenant } from '../postgres/transaction.ts'
import { eventMessage, type Said } from '../webhooks/message.ts'
import { createSender, type Sender } from '../webhooks/send.ts'
import type { WebhookContext } from './webhook-context.ts'
import { afterFailure } from './webhook-failure.ts'
import { livePosition, markDelivered, markPassed, type DueWebhook } from './webhook-rows.ts'

/** Events read ahead for one webhook. */
const PAGE = 100
/** Events looked at for them in one go: a filter that hardly anything passes takes no longer. */
const LOOK_AT = 5_000
/** After so long it is another one's turn. */
const TURN_MS = 10_000
/** That nothing matched is written down so often: a restart looks at no more than this again. */
const PASSED_MS = 10_000

/** How far a webhook has been looked through since its row was written, and when that was. */
export interface Passed {
  version: number
  position: bigint
  writtenAt: number
}

/** A webhook and its place while it has its turn. */
interface Turn {
  context: WebhookContext
  hook: DueWebhook
  sender: Sender
  signal: AbortSignal
}

/**
 * Sends a webhook what it has not had yet, one event after the other, until there is nothing left,
 * something fails, or others want to have their turn. Its row moves on after each. Returns how
 * far it was looked through without a match since. Throws what Postgres and the log throw.
 */
export async function takeTurn (
  context: WebhookContext, given: DueWebhook, passed: Passed | undefined, signal: AbortSignal
): Promise<Passed | undefined> {
  const secrets = await secretsOf(context, given)
  if (secrets === undefined) return undefined
  const { targets, timeoutMs, now } = context
  const sender = createSender({ ...targets, url: given.url, secrets, now, timeoutMs })
  try {
    return await deliver({ context, hook: { ...given }, sender, signal }, passed)
  } finally {
    sender.close()
  }
}

async function deliver (turn: Turn, passed: Passed | undefined): Promise<Passed | undefined> {
  const { context: { pool, now }, hook, signal } = turn
  const endAt = performance.now() + TURN_MS
  let writtenAt = passed?.writtenAt ?? now()
  let at = passed !== undefined && passed.position > hook.position ? passed.position : hook.position
  while (!signal.aborted && performance.now() < endAt) {
    const live = await livePosition(pool)
    if (live === undefined || live <= at) break
    const { events, through } = await read(turn, at, live)
    for (const event of events) {
      if (!await deliverOne(turn, event)) return undefined
      writtenAt = now()
    }
    at = through
    if (now() - writtenAt < PASSED_MS || at <= hook.position) continue
    if (!await markPassed(pool, hook, at)) return undefined
    hook.position = at
    writtenAt = now()
  }
  return { version: hook.version, position: at, writtenAt }
}

/** In the tenant's own transaction: no other tenant's event can get in. */
async function read (
  { context: { apiPool }, hook: { tenant, filter } }: Turn, after: bigint, through: bigint
): Promise<{ events: Envelope[], through: bigint }> {
  return await inTenant(apiPool, tenant, async (tx) => {
    return await envelopesAfter(tx, filter, {
      after, through, limit: PAGE, lookAt: LOOK_AT
    })
  })
}

/** Whether to go on. What was sent and not written down is sent again, with the same id. */
async function deliverOne (
  { context, hook, sender, signal }: Turn, event: Envelope
): Promise<boolean> {
  const { pool, publicUrl = '', fault, now } = context
  const attempt = await sender.send(eventMessage(hook.id, saidOf(event), publicUrl), signal)
  if (signal.aborted) return false
  if (!attempt.delivered) {
    await afterFailure(context, hook, attempt)
    return false
  }
  await fault('sent')
  const to = { position: event.position, at: new Date(now()) }
  if (!await markDelivered(pool, hook, to)) return false
  Object.assign(hook, { position: event.position, failures: 0, failingSince: null })
  return true
}

function saidOf (event: Envelope): Said {
  const { actorType, actorKey, entityType, entityKey, correlationId } = event
  const named = (type: string, key: string | null) => ({ type, ...(key === null ? {} : { key }) })
  return {
    type: event.action,
    timestamp: event.occurredAt,
    data: {
      id: event.id,
      tenant: event.tenant,
      position: String(event.position),
      category: event.category,
      outcome: event.outcome,
      source: event.source,
      recordedAt: event.recordedAt,
      actor: named(actorType, actorKey),
      ...(entityType === null ? {} : { entity: named(entityType, entityKey) }),
      ...(correlationId === null ? {} : { correlationId }),
      leafHash: event.leafHash
    }
  }
}

/** Without its secret nothing can be sent, which is no fault of the receiver. */
async function secretsOf (
  context: WebhookContext, hook: DueWebhook
): Promise<Buffer[] | undefined> {
  try {
    return await context.secrets.open(hook.secrets)
  } catch (err) {
    if (!isLedgerError(err, 'VAULT_KEY_INVALID') && !isLedgerError(err, 'NOT_FOUND')) throw err
    context.logger.error({ err, webhook: hook.id }, 'the secret of a webhook cannot be opened')
    const error = 'the worker cannot open the signing secret: its log says why'
    await afterFailure(context, hook, { error, gone: false, retryAfterMs: undefined, ours: true })
    return undefined
  }
}
