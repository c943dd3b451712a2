import type { EventInput } from '../../schemas/events/index.ts'
import { isLedgerError } from '../errors.ts'
import { uuidOfText } from '../ledger/ids.ts'
import type { Attempt } from '../webhooks/send.ts'
import type { WebhookContext } from './webhook-context.ts'
import { markDisabled, markFailed, type DueWebhook } from './webhook-rows.ts'

const FIRST_RETRY_MS = 1_000
export const RETRY_MAX_MS = 4 * 3_600_000
/** A webhook to which nothing could be delivered for so long is disabled. */
export const GIVE_UP_MS = 5 * 86_400_000

/**
 * How long to wait after so many failures in a row: doubled each time, up to four hours, half of
 * it by chance so that receivers that come back are not met by all at once. A receiver may ask
 * for longer, up to the same four hours.
 */
export function retryDelayMs (
  failures: number, random: number, retryAfterMs: number = 0
): number {
  const full = Math.min(RETRY_MAX_MS, FIRST_RETRY_MS * 2 ** (failures - 1))
  return Math.max(full / 2 + random * full / 2, Math.min(retryAfterMs, RETRY_MAX_MS))
}

/** Writes down what failed, and gives up a receiver that wants nothing or has long been away. */
export async function afterFailure (
  context: WebhookContext, hook: DueWebhook,
  { error = 'unknown', gone, retryAfterMs, ours = false }: FailedAttempt
): Promise<void> {
  const { pool, now, random = Math.random } = context
  const at = now()
  const since = hook.failingSince?.getTime() ?? at
  const reason = gone
    ? 'the receiver said that it is gone for good'
    : `nothing could be delivered for ${GIVE_UP_MS / 86_400_000} days`
  if (!ours && (gone || at - since >= GIVE_UP_MS)) {
    await recordDisabled(context, hook, { reason, error, since })
    await context.fault('recorded')
    await markDisabled(pool, hook, { reason, error })
    return
  }
  const delayMs = retryDelayMs(hook.failures + 1, random(), retryAfterMs)
  await markFailed(pool, hook, {
    failingSince: ours ? null : new Date(since), nextAttemptAt: new Date(at + delayMs), error
  })
}

/** `ours`: it is not the receiver's fault, so it is never held against it. */
export type FailedAttempt = Pick<Attempt, 'error' | 'gone' | 'retryAfterMs'> & { ours?: boolean }

/** On record first. Killed in between it is the same event again, perhaps in other words. */
async function recordDisabled (
  { record }: WebhookContext, { id: webhook, tenant, version, position }: DueWebhook,
  { reason, error, since }: { reason: string, error: string, since: number }
): Promise<void> {
  const event: EventInput = {
    id: uuidOfText(JSON.stringify(['webhook disabled', webhook, version, String(position)])),
    action: 'ledger.webhook_disabled',
    category: 'system',
    actor: { type: 'system', id: 'ledger' },
    entity: { type: 'ledger_webhook', id: webhook },
    outcome: 'failure',
    data: {
      reason,
      lastError: error,
      position: String(position),
      failingSince: new Date(since).toISOString()
    }
  }
  await record(tenant, [event]).catch((err: unknown) => {
    if (!isLedgerError(err, 'ID_REUSED')) throw err
  })
}
