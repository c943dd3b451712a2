import type { EventInput } from '../../schemas/events/index.ts'
import { SUBJECT_TYPE } from '../../schemas/events/ledger.ts'
import { SERVER_TENANT } from '../../schemas/primitives.ts'
import type { Caller } from './auth.ts'
import type { Tally } from './coalesce.ts'
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

/** Somebody was refused for want of a role, so many times. */
export function deniedEvent (
  caller: Caller, { operation, needs }: { operation: string, needs: readonly string[] },
  { times }: Tally
): EventInput {
  return {
    ...accessBy(caller),
    action: 'ledger.denied',
    outcome: 'denied',
    data: { operation, permission: needs.join(' or '), times }
  }
}

/** What was read: by which route and role, looking for what, about whom (refs). */
export interface Reading {
  operation: string
  permission: string
  filters: Readonly<Record<string, unknown>>
  refs: readonly string[]
}

/** Somebody read events, so many times; rowCount is of lists alone. */
export function readEvent (caller: Caller, reading: Reading, { times, rows }: Tally): EventInput {
  const { refs, ...said } = reading
  return {
    ...accessBy(caller),
    action: 'ledger.read',
    outcome: 'success',
    ...(refs.length > 0 && { related: refs.map((id) => ({ type: SUBJECT_TYPE, id })) }),
    data: { ...said, ...(times > 0 && { times }), ...(rows > 0 && { rowCount: rows }) }
  }
}

function accessBy (caller: Caller): Pick<EventInput, 'category' | 'actor' | 'entity'> {
  return {
    category: 'access',
    actor: actorOf(caller),
    entity: { type: 'ledger_api_key', id: caller.keyId, name: caller.name }
  }
}

/** Who did it, as the log names a key. */
export function actorOf (caller: Caller | undefined): EventInput['actor'] {
  return caller === undefined
    ? { type: 'system', id: 'ledger' }
    : { type: 'service', id: caller.keyId, name: caller.name }
}
