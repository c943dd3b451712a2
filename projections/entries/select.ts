import { hash } from 'node:crypto'
import type { Statement } from '../projection.ts'
import { conditionsOf, isPerson, isRef, type InnerFilter, type Parameter } from './filter.ts'

/** A page: newest first, at most `limit` events. */
export interface Page {
  limit: number
  /** Only events before this position. */
  before?: bigint | undefined
  /**
   * Only events after this position. Alone it takes the first ones after it, which is how to page
   * back and how to follow; they too come newest first.
   */
  after?: bigint | undefined
}

/** The first `limit` events after a position. */
export interface After {
  after: bigint
  limit: number
}

/**
 * A narrow table that gives the order, and whose rows point into entry. `others`: refs that the
 * person has as well; no event names two of them.
 */
export type Driver =
  | { table: 'user_feed', ref: string, others?: Others, role?: 'actor' | 'own' | undefined }
  | EntityTrail
  | { table: 'entry_tag', tag: string }

interface EntityTrail {
  table: 'entity_trail'
  type: string
  key: string
  others?: Others
  role?: 'entity' | 'related' | undefined
}

type Others = readonly string[] | undefined

export interface Query {
  statement: string | Statement
  values: unknown[]
}

/** Which events: the filter, and the narrow table to find them by, if it is settled already. */
export interface Selection {
  filter: InnerFilter
  driver?: Driver | undefined
}

/** A plan for any value is good for this many plain conditions; more are planned each time. */
export const PREPARED_CONDITIONS_MAX = 2

/**
 * The columns of an EventRow. The members that are columns are written into the body here, which
 * costs a microsecond a row and saves a third of the table.
 */
export const EVENT = `
  e.id, e.position, e.stream, e.revision, coalesce(e.head, '{}') as head, e.sealed,
  '"id":"' || e.id || '","stream":' || to_json(e.stream) || ',"revision":"' || e.revision ||
  '","position":"' || e.position || '","action":"' || e.action || '","category":"' || e.category ||
  '","outcome":"' || e.outcome || '","leafHash":"' || encode(e.leaf_hash, 'hex') || '",' ||
  e.body as body`

/** Whether a page takes the first events after a position, and not the last ones before one. */
export function isForward ({ after, before }: Page): boolean {
  return after !== undefined && before === undefined
}

function orderOf (page: Page): string {
  return isForward(page) ? 'asc' : 'desc'
}

/** The statement for one page of events. */
export function selectPage (selection: Selection, page: Page): Query {
  const { from, position, where, values, param, plain } = sourceOf(selection)
  if (page.before !== undefined) where.push(`${position} < ${param(page.before)}`)
  if (page.after !== undefined) where.push(`${position} > ${param(page.after)}`)
  const text = `select ${EVENT} from ${from} where ${conjunction(where)}
    order by ${position} ${orderOf(page)} limit ${param(page.limit)}`
  return { statement: plain ? prepared(text) : text, values }
}

/** The statement for the positions of one page of events, ascending: nothing wide is read. */
export function selectPositions (selection: Selection, { after, limit }: After): Query {
  const { from, narrow, position, where, values, param, plain } = sourceOf(selection)
  where.push(`${position} > ${param(after)}`)
  const text = `select ${position} as position from ${narrow ?? from}
    where ${conjunction(where)} order by ${position} asc limit ${param(limit)}`
  return { statement: plain ? prepared(text) : text, values }
}

/** The statement for the latest event of each entity of a type, in the order of their keys. */
export function selectLatestOfEach (entityType: string, limit: number): Query {
  const text = `select distinct on (e.entity_key) ${EVENT} from read.entry e
    where e.entity_type = $1 order by e.entity_key, e.position desc limit $2`
  return { statement: { name: 'latest_of_each', text }, values: [entityType, limit] }
}

/** The statement for the position of the event after the `offset` newest ones. */
export function selectNth (selection: Selection, offset: number): Query {
  const { from, narrow, position, where, values, param } = sourceOf(selection)
  const text = `select ${position} as position from ${narrow ?? from}
    where ${conjunction(where)} order by ${position} desc limit 1 offset ${param(offset)}`
  return { statement: text, values }
}

/** The statement for how many events there are, counted no further than `cap`. */
export function selectCount (selection: Selection, cap: number): Query {
  const { from, narrow, where, values, param } = sourceOf(selection)
  const text = `select count(*) as count from (
    select 1 from ${narrow ?? from} where ${conjunction(where)} limit ${param(cap)}) counted`
  return { statement: text, values }
}

/** The statement for how many events there are up to a position. */
export function selectCountUntil (selection: Selection, until: bigint): Query {
  const { from, narrow, position, where, values, param } = sourceOf(selection)
  where.push(`${position} <= ${param(until)}`)
  const text = `select count(*) as count from ${narrow ?? from} where ${conjunction(where)}`
  return { statement: text, values }
}

/** The statement for the planner's own guess of how many there are. */
export function explainCount (selection: Selection): Query {
  const { from, narrow, where, values } = sourceOf(selection)
  return {
    statement: `explain (format json) select 1 from ${narrow ?? from}
      where ${conjunction(where)}`,
    values
  }
}

interface Source {
  from: string
  /** The driver's table alone, where no condition needs the events themselves. */
  narrow: string | undefined
  /** The column that orders. */
  position: string
  where: string[]
  values: unknown[]
  param: Parameter
  /** Whether one plan serves all values. */
  plain: boolean
}

/** What a statement over a selection is made of; its values come after those given. */
export function sourceOf (
  { filter, driver = driverOf(filter) }: Selection, values: unknown[] = []
): Source {
  const param: Parameter = (value) => '$' + values.push(value)
  const driving = driver === undefined ? [] : drive(driver, param)
  const { conditions, plain } = conditionsOf(withoutDriver(filter, driver), param)
  const from = driver === undefined
    ? 'read.entry e'
    : `read.${driver.table} d
       join read.entry e on e.tenant = d.tenant and e.position = d.position`
  return {
    from,
    narrow: driver !== undefined && conditions.length === 0 ? `read.${driver.table} d` : undefined,
    position: driver === undefined ? 'e.position' : 'd.position',
    where: [...driving, ...conditions],
    values,
    param,
    plain: plain && conditions.length <= PREPARED_CONDITIONS_MAX
  }
}

/** What finds the fewest events: an entity's trail, a person's feed, a tag. */
export function driverOf ({ entity, actor, tag }: InnerFilter): Driver | undefined {
  if (entity !== undefined) return { table: 'entity_trail', ...entity, role: 'entity' }
  if (actor !== undefined && isPerson(actor) && isRef(actor.key)) {
    return { table: 'user_feed', ref: actor.key, role: 'actor' }
  }
  return tag === undefined ? undefined : { table: 'entry_tag', tag }
}

/** What the driver settles need not be asked again. */
function withoutDriver (filter: InnerFilter, driver: Driver | undefined): InnerFilter {
  const { entity, actor, tag, ...rest } = filter
  const settled = {
    entity: driver?.table === 'entity_trail' && driver.role === 'entity' &&
      driver.type === entity?.type && driver.key === entity.key,
    actor: driver?.table === 'user_feed' && driver.role === 'actor' && driver.ref === actor?.key,
    tag: driver?.table === 'entry_tag' && driver.tag === tag
  }
  return {
    ...rest,
    ...settled.entity ? {} : { entity },
    ...settled.actor ? {} : { actor },
    ...settled.tag ? {} : { tag }
  }
}

function drive (driver: Driver, param: Parameter): string[] {
  switch (driver.table) {
    case 'user_feed': return [
      isOne('d.ref', 'uuid', [driver.ref, ...driver.others ?? []], param),
      ...driver.role === 'own' ? ["d.role <> 'about'"] : roleOf(driver)
    ]
    case 'entity_trail': return [
      `d.entity_type = ${param(driver.type)}`,
      isOne('d.entity_key', 'text', [driver.key, ...driver.others ?? []], param),
      ...roleOf(driver)
    ]
    case 'entry_tag': return [`d.tag = ${param(driver.tag)}`]
  }
}

/** Only one value has an index give the order. */
function isOne (
  column: string, type: string, values: readonly string[], param: Parameter
): string {
  return values.length === 1
    ? `${column} = ${param(values[0])}::${type}`
    : `${column} = any(${param(values)}::${type}[])`
}

function roleOf ({ role }: { role?: string | undefined }): string[] {
  return role === undefined ? [] : [`d.role = '${role}'`]
}

function conjunction (where: readonly string[]): string {
  return where.length === 0 ? 'true' : where.join(' and ')
}

/** The statement under a name that follows from its text. */
export function prepared (text: string): Statement {
  return { name: 'page_' + hash('sha1', text), text }
}
