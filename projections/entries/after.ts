import type { WebhookFilter } from '../../schemas/http/webhooks.ts'
import type { Category, Outcome } from '../../schemas/primitives.ts'
import type { Tx } from '../projection.ts'
import { notOwn, type Parameter } from './filter.ts'

/** An event without anything that is sealed or that producers write freely. */
export interface Envelope {
  id: string
  tenant: string
  position: bigint
  action: string
  category: Category
  outcome: Outcome
  source: string
  occurredAt: string
  recordedAt: string
  actorType: string
  /** A person's ref, of others the id; null: erased, or there is none. */
  actorKey: string | null
  entityType: string | null
  entityKey: string | null
  correlationId: string | null
  /** Hex. */
  leafHash: string
}

/** Part of a tenant's history: after a position, up to and including another one. */
export interface Stretch {
  after: bigint
  through: bigint
  /** Events at most. */
  limit: number
  /** How many events are looked at, however few of them pass. */
  lookAt: number
}

/**
 * The first events of a stretch that pass, oldest first, and how far was looked: what passes up to
 * `through` is among them. Run inside a tenant's transaction.
 */
export async function envelopesAfter (
  tx: Tx, filter: WebhookFilter, stretch: Stretch
): Promise<{ events: Envelope[], through: bigint }> {
  const through = await end(tx, stretch)
  const values: unknown[] = []
  const param: Parameter = (value) => '$' + values.push(value)
  const { rows } = await tx.query<Envelope>(`
    select id, tenant, position, action, category, outcome, source,
      actor_type as "actorType", actor_key as "actorKey", entity_type as "entityType",
      entity_key as "entityKey", correlation_id as "correlationId",
      encode(leaf_hash, 'hex') as "leafHash", ${time('occurred_at')} as "occurredAt",
      ${time('recorded_at')} as "recordedAt"
    from read.entry e
    where position > ${param(stretch.after)} and position <= ${param(through)}
      and ${conditions(filter, param).join(' and ')}
    order by position limit ${param(stretch.limit)}`, values)
  const events = rows.map((row) => ({ ...row, position: BigInt(row.position) }))
  const last = events.length === stretch.limit ? events.at(-1) : undefined
  return { events, through: last?.position ?? through }
}

/** Where a stretch ends if not too many events are to be looked at. */
async function end (tx: Tx, { after, through, lookAt }: Stretch): Promise<bigint> {
  const { rows: [row] } = await tx.query<{ position: bigint | string }>(`
    select position from read.entry where position > $1 and position <= $2
    order by position limit 1 offset $3`, [after, through, lookAt - 1])
  return row === undefined ? through : BigInt(row.position)
}

function time (column: string): string {
  return `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
}

function conditions (
  { actions, categories, outcomes, entityTypes }: WebhookFilter, param: Parameter
): string[] {
  const anyOf = (column: string, values: readonly string[] | undefined): string[] =>
    values === undefined ? [] : [`${column} = any(${param(values)}::text[])`]
  return [
    actionCondition(actions, param),
    ...anyOf('category', categories),
    ...anyOf('outcome', outcomes),
    ...anyOf('entity_type', entityTypes)
  ]
}

/**
 * Without actions all but the ledger's own: a receiver that reads what it is told of would be told
 * of its reading. What is below an action is a range: `/` is the character after `.`.
 */
function actionCondition (actions: readonly string[] | undefined, param: Parameter): string {
  if (actions === undefined) return notOwn('action')
  const below = actions.filter((action) => action.endsWith('.*')).map((name) => name.slice(0, -2))
  const exact = actions.filter((action) => !action.endsWith('.*'))
  const alternatives = [
    `action = any(${param(exact)}::text[])`,
    ...below.map((name) => `(action >= ${param(name + '.')} and action < ${param(name + '/')})`)
  ]
  return `(${alternatives.join(' or ')})`
}
