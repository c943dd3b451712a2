import type { EventInput } from '../../schemas/events/index.ts'
import type { Logger } from '../log.ts'
import type { Pool } from '../postgres/pool.ts'
import type { SigningSecrets } from '../privacy/signing-secrets.ts'
import type { TargetRules } from '../webhooks/address.ts'
import type { Fault } from './fault.ts'

export interface WebhooksOptions {
  /** As ledger_worker: how far each webhook is. */
  pool: Pool
  /** As ledger_api: a tenant's events. */
  apiPool: Pool
  secrets: Pick<SigningSecrets, 'open'>
  targets: TargetRules
  /** What links begin with; without it they are paths. */
  publicUrl?: string | undefined
  /** Appends the ledger's own events; an event whose id is there already is not added again. */
  record: (tenant: string, events: readonly EventInput[]) => Promise<unknown>
  logger: Logger
  /** Milliseconds since 1970. */
  now: () => number
  /** 0 to 1. */
  random?: (() => number) | undefined
  /** Whether this process projects: another one would send everything a second time. */
  isActive: () => boolean
  /** How often it is looked for something to send if nobody tells of it. */
  pollMs?: number | undefined
  /** What one attempt may take. */
  timeoutMs?: number | undefined
  fault?: Fault | undefined
}

export type WebhookContext = WebhooksOptions & { fault: Fault }
