import type { EventInput } from '../../schemas/events/index.ts'
import { SERVER_TENANT } from '../../schemas/primitives.ts'
import type { Caller } from './auth.ts'
import type { KeyRecord } from './key-store.ts'

/** Appends the ledger's own events to a tenant's history; throws unless they are durable. */
export type RecordOwn = (tenant: string, events: readonly EventInput[]) => Promise<unknown>

/** Whose history a change or refusal belongs to: of a key of the server, the server's own. */
export function historyOf (tenant: string | null | undefined): string {
  return tenant ?? SERVER_TENANT
}

/** A key was made, rotated or revoked: everything of it but its secret and its subject. */
export function keyEvent (
  action: 'created' | 'rotated' | 'revoked', key: KeyRecord, caller: Caller | undefined
): EventInput {
  return {
    action: `ledger.api_key_${action}`,
    category: 'change',
    actor: actorOf(caller),
    entity: { type: 'ledger_api_key', id: key.id, name: key.name },
    outcome: 'success',
    data: {
      operation: action === 'created' ? 'create' : action === 'rotated' ? 'update' : 'delete',
      roles: key.roles,
      expiresAt: key.expiresAt?.toISOString() ?? null
    }
  }
}

/** A tenant was made or its settings changed; `before` undefined: it is new. */
export function tenantEvent (
  tenant: string, states: { before?: object, after: object }, caller: Caller | undefined
): EventInput {
  const created = states.before === undefined
  return {
    action: created ? 'ledger.tenant_created' : 'ledger.tenant_updated',
    category: 'change',
    actor: actorOf(caller),
    entity: { type: 'ledger_tenant', id: tenant },
    outcome: 'success',
    ...states,
    data: { operation: created ? 'create' : 'update' }
  }
}

/** An action's schema was registered; `before` undefined: for the first time. */
export function schemaEvent (
  action: string, states: { before?: object, after: object }, breaking: boolean, caller: Caller
): EventInput {
  return {
    action: 'ledger.schema_registered',
    category: 'change',
    actor: actorOf(caller),
    entity: { type: 'ledger_schema', id: action },
    outcome: 'success',
    ...states,
    data: { operation: states.before === undefined ? 'create' : 'update', breaking }
  }
}

/** Somebody was refused for want of a role; `times` within the minute before. */
export function deniedEvent (
  caller: Caller, refused: { operation: string, needs: readonly string[], times: number }
): EventInput {
  return {
    action: 'ledger.denied',
    category: 'access',
    actor: actorOf(caller),
    entity: { type: 'ledger_api_key', id: caller.keyId, name: caller.name },
    outcome: 'denied',
    data: {
      operation: refused.operation,
      permission: refused.needs.join(' or '),
      times: refused.times
    }
  }
}

/** Who did it, as the log names a key. */
export function actorOf (caller: Caller | undefined): EventInput['actor'] {
  return caller === undefined
    ? { type: 'system', id: 'ledger' }
    : { type: 'service', id: caller.keyId, name: caller.name }
}
