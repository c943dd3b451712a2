import { WEBHOOK_TEST_TYPE, type WebhookMessage } from '../../schemas/webhook.ts'
import type { Message } from './send.ts'

/** An event as a webhook says it: `type` is its action, `timestamp` when it occurred. */
export type Said = Omit<WebhookMessage, 'data'> & { data: Omit<WebhookMessage['data'], 'href'> }

/**
 * The message of an event for one webhook. The id follows from both, so that an attempt after a
 * crash has it again; the link begins with the base, which may be empty.
 */
export function eventMessage (webhook: string, { data, ...rest }: Said, base: string): Message {
  const message: WebhookMessage = {
    ...rest, data: { ...data, href: `${base}/v1/events/${data.id}` }
  }
  return { id: `${webhook}_${data.id}`, body: JSON.stringify(message) }
}

/** A message that only shows that a webhook works. */
export function testMessage (
  { id: webhook, tenant }: { id: string, tenant: string }, id: string, at: Date
): Message {
  return {
    id,
    body: JSON.stringify({
      type: WEBHOOK_TEST_TYPE, timestamp: at.toISOString(), data: { tenant, webhook }
    })
  }
}
