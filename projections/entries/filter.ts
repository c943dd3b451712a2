import { wordQuery } from '../search/query.ts'

/** What a reader can ask for; every member given must hold. Times are RFC 3339, UTC. */
export interface EventFilter {
  /** By a person's ref or another actor's id. Without a type, a UUID is taken for a ref. */
  actor?: { type?: string | undefined, key: string } | undefined
  /** Events that happened to this entity; not those that merely name it as related. */
  entity?: { type: string, key: string } | undefined
  entityType?: string | undefined
  /** Exactly, or everything below: `auth.*`; or exactly one of several. */
  action?: string | readonly string[] | undefined
  category?: string | undefined
  outcome?: string | undefined
  source?: string | undefined
  tag?: string | undefined
  /** Any of: clear addresses, and the tags by which sealed ones are found. */
  ip?: readonly string[] | undefined
  session?: readonly string[] | undefined
  correlationId?: string | undefined
  /** Words of its clear text, as parseSearch takes them. */
  q?: string | undefined
  /** occurredAt: from inclusive, to exclusive. */
  from?: string | undefined
  to?: string | undefined
  /** recordedAt: from inclusive, to exclusive. */
  recordedFrom?: string | undefined
  recordedTo?: string | undefined
}

/** The moment up to which a trail is read, inclusive; one of them. Times are RFC 3339, UTC. */
export interface Until {
  revision?: bigint | undefined
  position?: bigint | undefined
  occurredAt?: string | undefined
  recordedAt?: string | undefined
}

/** What queries of this package ask for beside what a reader can. */
export interface InnerFilter extends EventFilter {
  id?: string | undefined
  /** Of any actor of this type. */
  actorType?: string | undefined
  /** Of any outcome but success. */
  failed?: true | undefined
  /** None of the ledger's own events. */
  notOwn?: true | undefined
  until?: Until | undefined
}

/** Adds a value to the statement and returns its placeholder. */
export type Parameter = (value: unknown) => string

export interface Conditions {
  /** SQL over `entry e`, all of which must hold. */
  conditions: string[]
  /** Whether one plan serves all values: there is no range in it. */
  plain: boolean
}

const RANGES = ['from', 'to', 'recordedFrom', 'recordedTo'] as const

/** The filter as SQL. Row level security adds the tenant. */
export function conditionsOf (filter: InnerFilter, param: Parameter): Conditions {
  const { until = {} } = filter
  const conditions = [
    ...present(filter.id, (id) => `e.id = ${param(id)}::uuid`),
    ...actorConditions(filter.actor, param),
    ...present(filter.actorType, (type) => `e.actor_type = ${param(type)}`),
    ...actionConditions(filter.action, param),
    ...outcomeConditions(filter.outcome, param),
    ...filter.failed === true ? ["e.outcome <> 'success'"] : [],
    ...filter.notOwn === true ? [notOwn('e.action')] : [],
    ...entityConditions(filter.entity, param),
    ...present(filter.entityType, (type) => `e.entity_type = ${param(type)}`),
    ...present(filter.category, (category) => `e.category = ${param(category)}`),
    ...present(filter.source, (name) => `e.source = ${param(name)}`),
    ...present(filter.tag, (tag) => `exists (select 1 from read.entry_tag g
      where g.tenant = e.tenant and g.tag = ${param(tag)} and g.position = e.position)`),
    ...present(filter.ip, (values) => `e.ip = any(${param(values)}::text[])`),
    ...present(filter.session, (values) => `e.session = any(${param(values)}::text[])`),
    ...present(filter.correlationId, (id) => `e.correlation_id = ${param(id)}`),
    ...present(filter.q, (text) =>
      `control.has_words(e.position, ${param(wordQuery(text).query)}::tsquery)`),
    ...present(filter.from, (at) => `e.occurred_at >= ${param(at)}::timestamptz`),
    ...present(filter.to, (at) => `e.occurred_at < ${param(at)}::timestamptz`),
    ...present(filter.recordedFrom, (at) => `e.recorded_at >= ${param(at)}::timestamptz`),
    ...present(filter.recordedTo, (at) => `e.recorded_at < ${param(at)}::timestamptz`),
    ...present(until.revision, (revision) => `e.revision <= ${param(revision)}`),
    ...present(until.position, (position) => `e.position <= ${param(position)}`),
    ...present(until.occurredAt, (at) => `e.occurred_at <= ${param(at)}::timestamptz`),
    ...present(until.recordedAt, (at) => `e.recorded_at <= ${param(at)}::timestamptz`)
  ]
  const ranged = RANGES.some((name) => filter[name] !== undefined) ||
    isBelow(filter.action)
  return { conditions, plain: !ranged }
}

function present<T> (value: T | undefined, condition: (value: T) => string): string[] {
  return value === undefined ? [] : [condition(value)]
}

/** Says `<> 'user'` in so many words where it holds, for the partial index to be usable. */
function actorConditions (actor: EventFilter['actor'], param: Parameter): string[] {
  if (actor === undefined) return []
  const key = `e.actor_key = ${param(actor.key)}`
  if (isPerson(actor)) return ["e.actor_type = 'user'", key]
  const type = present(actor.type, (name) => `e.actor_type = ${param(name)}`)
  return ["e.actor_type <> 'user'", ...type, key]
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** Whether the text can be a person's ref. */
export function isRef (text: string): boolean {
  return UUID.test(text)
}

/** Whether the actor asked for is a person: without a type, a UUID is taken for one's ref. */
export function isPerson ({ type, key }: NonNullable<EventFilter['actor']>): boolean {
  return type === undefined ? isRef(key) : type === 'user'
}

function entityConditions (entity: EventFilter['entity'], param: Parameter): string[] {
  if (entity === undefined) return []
  return [`e.entity_type = ${param(entity.type)}`, `e.entity_key = ${param(entity.key)}`]
}

/** `auth.*` as a range, which an index can follow: `/` is the character after `.`. */
function actionConditions (action: EventFilter['action'], param: Parameter): string[] {
  if (action === undefined) return []
  if (typeof action !== 'string') return [`e.action = any(${param(action)}::text[])`]
  if (!isBelow(action)) return [`e.action = ${param(action)}`]
  const prefix = action.slice(0, -2)
  return [`e.action >= ${param(prefix + '.')}`, `e.action < ${param(prefix + '/')}`]
}

function isBelow (action: EventFilter['action']): boolean {
  return typeof action === 'string' && action.endsWith('.*')
}

/** No action of the ledger's own: they are a range of the index of actions. */
export function notOwn (column: string): string {
  return `not (${column} >= 'ledger.' and ${column} < 'ledger/')`
}

/** As with the actor: what the index leaves out is said in so many words. */
function outcomeConditions (outcome: string | undefined, param: Parameter): string[] {
  if (outcome === undefined) return []
  const equal = `e.outcome = ${param(outcome)}`
  return outcome === 'success' ? [equal] : ["e.outcome <> 'success'", equal]
}
