import { createHmac } from 'node:crypto'

/** What is signed: the id must not hold a full stop, which is what separates the three. */
export interface Signed {
  /** The same for every attempt. */
  id: string
  /** Seconds since 1970, of this attempt. */
  timestamp: number
  body: string
}

/** A secret as its receiver keeps it: Standard Webhooks 1.0.0, "Signature scheme". */
export function secretText (secret: Buffer): string {
  return `whsec_${secret.toString('base64')}`
}

/**
 * The header `webhook-signature`: HMAC-SHA256 over id, timestamp and body under each secret, so
 * that a receiver that knows one of them is content while they are exchanged.
 */
export function signatures (secrets: readonly Buffer[], { id, timestamp, body }: Signed): string {
  const content = `${id}.${timestamp}.${body}`
  return secrets.map((secret) => {
    return `v1,${createHmac('sha256', secret).update(content).digest('base64')}`
  }).join(' ')
}
