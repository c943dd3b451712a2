import type { EventInput } from '../../../schemas/events/index.ts'

/** The columns of both tables of the baselines, with their types, in the order of `rowOf`. */
export const COLUMNS = {
  id: 'uuid',
  tenant: 'text',
  occurred_at: 'timestamptz',
  action: 'text',
  category: 'text',
  outcome: 'text',
  actor_type: 'text',
  actor_id: 'text',
  actor_name: 'text',
  actor_email: 'text',
  entity_type: 'text',
  entity_id: 'text',
  entity_name: 'text',
  ip: 'text',
  user_agent: 'text',
  session_id: 'text',
  description: 'text',
  tags: 'jsonb',
  old_values: 'jsonb',
  new_values: 'jsonb',
  data: 'jsonb'
} as const

const json = (value: unknown): string | null => value === undefined ? null : JSON.stringify(value)

/** An event as a row of a plain audit table: everything in clear. */
export function rowOf (tenant: string, event: EventInput): Array<string | null> {
  const { actor, entity, context } = event
  const named: { id?: string | undefined, name?: string | undefined, email?: string | undefined } =
    actor.type === 'anonymous' ? {} : actor
  return [
    event.id ?? null, tenant, event.occurredAt ?? new Date().toISOString(),
    event.action, event.category, event.outcome,
    actor.type, named.id ?? null, named.name ?? null, named.email ?? null,
    entity?.type ?? null, entity?.id ?? null, entity?.name ?? null,
    context?.ip ?? null, context?.userAgent ?? null, context?.sessionId ?? null,
    event.description ?? null,
    json(event.tags), json(event.before), json(event.after), json(event.data)
  ]
}

/** The table of both: what differs is the indexes. */
export function tableDdl (name: string): string {
  const columns = Object.entries(COLUMNS).map(([column, type]) => `${column} ${type}`)
  return `create table ${name} (
    seq bigint generated always as identity,
    recorded_at timestamptz not null default now(),
    ${columns.join(', ')},
    primary key (id))`
}
