import { partsBetween } from '../search/places.ts'
import { conjunction, wordQuery } from '../search/query.ts'
import { wordsOf } from '../search/words.ts'
import { conditionsOf, type EventFilter, type Parameter } from './filter.ts'
import {
  driverOf, EVENT, isForward, prepared, PREPARED_CONDITIONS_MAX, type Page, type Query
} from './select.ts'

/** A filter that has words, by which its events are found. */
export interface WordFilter extends EventFilter {
  q: string
}

/** The first and the last position that the tenant's events have. */
export interface Bounds {
  first: bigint | null
  last: bigint | null
}

/** The statement for the bounds. */
export const BOUNDS = {
  name: 'bounds_of_entries',
  text: 'select min(position) as first, max(position) as last from read.entry'
}

/**
 * Whether events are best found by their words. Where something else leaves few of them, their
 * words are looked at one by one instead (control.has_words).
 */
export function isFound (filter: EventFilter): filter is WordFilter {
  const { q, ip, session, correlationId } = filter
  return q !== undefined && driverOf(filter) === undefined &&
    ip === undefined && session === undefined && correlationId === undefined
}

/** The statement for one page of events that have the words. */
export function selectFound (filter: WordFilter, page: Page, bounds: Bounds): Query {
  const values: unknown[] = []
  const param: Parameter = (value) => '$' + values.push(value)
  const limit = param(page.limit)
  const order = isForward(page) ? 'asc' : 'desc'
  const from = found(filter, page, bounds, param)
  const text = `select ${EVENT} from ${from.parts} cross join lateral (
    select e.* from ${from.events} order by e.position ${order} limit ${limit}) e limit ${limit}`
  return { statement: from.common ? prepared(text) : text, values }
}

/** The statement for how many events have the words, counted no further than `cap`. */
export function countFound (filter: WordFilter, cap: number, bounds: Bounds): Query {
  const values: unknown[] = []
  const param: Parameter = (value) => '$' + values.push(value)
  const limit = param(cap)
  const from = found(filter, { limit: cap }, bounds, param)
  return {
    statement: `select count(*) as count from (
      select 1 from ${from.parts} cross join lateral (
        select 1 from ${from.events} limit ${limit}) e limit ${limit}) counted`,
    values
  }
}

/**
 * Part after part of the log, in the order of the page: a lateral join takes the next part when
 * the one before did not fill the page, so that what is common is found in the first ones.
 */
function found (
  filter: WordFilter, page: Page, { first, last }: Bounds, param: Parameter
): { parts: string, events: string, common: boolean } {
  const low = larger(page.after === undefined ? 0n : page.after + 1n, BigInt(first ?? 0))
  const high = smaller(page.before, BigInt(last ?? -1) + 1n)
  const parts = partsBetween(low, high, isForward(page))
  const { q, ...others } = filter
  const { needed, query } = wordQuery(q)
  const { conditions } = conditionsOf(others, param)
  const arrays = [
    param(parts.map(({ level }) => level.mark)) + '::text[]',
    param(parts.map(({ level, low }) => low >> level.bits)) + '::bigint[]',
    param(parts.map(({ low }) => low)) + '::bigint[]',
    param(parts.map(({ high }) => high)) + '::bigint[]'
  ]
  const index = param([needed, ...impliedBy(filter)].join(' & ')) + '::tsquery'
  return {
    parts: `unnest(${arrays.join()}) as part (mark, piece, low, high)`,
    events: `control.found(${index}, ${param(query)}::tsquery, part.mark, part.piece, part.low,
        part.high) as f (position)
      join read.entry e on ${['e.position = f.position', ...conditions].join(' and ')}`,
    common: conditions.length <= PREPARED_CONDITIONS_MAX
  }
}

/** The words of an action are among those of its events, so the index can find them too. */
function impliedBy ({ action }: EventFilter): string[] {
  const words = typeof action === 'string' ? wordsOf(action) : []
  return words.length === 0 ? [] : [conjunction(words)]
}

function larger (one: bigint, other: bigint): bigint {
  return one > other ? one : other
}

function smaller (one: bigint | undefined, other: bigint): bigint {
  return one !== undefined && one < other ? one : other
}
