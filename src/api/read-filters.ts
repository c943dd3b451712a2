import { isRef } from '../../projections/entries/filter.ts'
import { ACTOR_TYPES, type SubjectRef } from '../../schemas/primitives.ts'
import { parseStream } from '../ledger/streams.ts'
import { isPersonType } from '../privacy/personal.ts'
import { entityTypeOf } from './adapters/mosaic.ts'
import { personRef } from './filters.ts'
import type { Services } from './services.ts'

/** A filter as the log may hold it, and the persons whom it names. */
export interface DescribedFilters {
  filters: Record<string, unknown>
  refs: string[]
}

/** What was asked for. */
export interface Asked {
  /** The route's pattern: it tells what a parameter of its path names. */
  url: string
  params: unknown
  query: unknown
  /** Whether anything was found by it. */
  found: boolean
}

/** Parameters that lead through a list and are no part of what is looked for. */
const PAGING: ReadonlySet<string> = new Set([
  'limit', 'cursor', 'count', 'render', 'offset', 'page', 'pageSize', 'fields', 'seconds',
  'after', 'until', '*'
])

/** Parameters whose values are the ledger's own words, times and places: never anybody's. */
const WORDS: ReadonlySet<string> = new Set([
  'action', 'activity_type', 'category', 'outcome', 'entityType', 'entity_type', 'table',
  'groupBy', 'axis', 'top', 'threshold',
  'from', 'to', 'at', 'recordedFrom', 'recordedTo', 'start_date',
  'end_date', 'startDate', 'endDate', 'activityId', 'activity_id', 'stream', 'organizationId'
])

/** Parameters that find only what the log holds in clear. */
const CLEAR_WHERE_FOUND: ReadonlySet<string> = new Set([
  'source', 'tag', 'correlationId', 'type', 'status', 'q'
])

const TYPED = /^([^:]+):(.+)$/s
const HIDDEN = { hidden: true } as const

/** Whether the parameter only leads through a list. */
export function isPaging (name: string): boolean {
  return PAGING.has(name)
}

/**
 * What a reader looked for, without what could be anybody's: persons by the refs that the vault
 * has of them, texts only where the log is known to hold them in clear. A value that is left out
 * is `{ hidden: true }`, somebody or something that is not known `{ type, unknown: true }`.
 */
export async function describeFilters (
  services: Pick<Services, 'vault' | 'settings'>, tenant: string, asked: Asked
): Promise<DescribedFilters> {
  const { url, found } = asked
  const given = new Map<string, unknown>(
    [asked.params, asked.query].flatMap((part) => Object.entries(Object(part))))
  const filters: Record<string, unknown> = {}
  const refs = new Set<string>()
  for (const { as, party, isPerson } of takeParties(url, given)) {
    const { type } = party
    const ref = await personRef(services.vault, tenant, party)
    if (ref !== undefined) refs.add(ref)
    const mayBeNamed = found && isPerson !== true &&
      !isPersonType(type, await services.settings.get(tenant))
    filters[as] = ref !== undefined
      ? { type, ref }
      : mayBeNamed ? party : { type, unknown: true }
  }
  for (const [name, value] of given) {
    if (isPaging(name)) continue
    const isClear = WORDS.has(name) || (found && CLEAR_WHERE_FOUND.has(name)) ||
      // Checked to be a UUID, or there would be no answer.
      (name === 'id' && url.startsWith('/v1/events/'))
    filters[name] = isClear ? value : HIDDEN
  }
  return { filters, refs: [...refs] }
}

interface NamedParty {
  /** What the filter calls it. */
  as: string
  party: SubjectRef
  /** true: whatever the type says. */
  isPerson?: boolean
}

/** Takes out of the parameters those that name somebody or something. */
function takeParties (url: string, given: Map<string, unknown>): NamedParty[] {
  const take = (name: string): string | undefined => {
    const value = given.get(name)
    given.delete(name)
    return value === undefined ? undefined : String(value)
  }
  const parties: NamedParty[] = []
  const user = take('userId') ?? take('user_id') ??
    (url.startsWith('/v1/users/:id') ? take('id') : undefined)
  if (user !== undefined) parties.push({ as: 'user', party: { type: 'user', id: user } })
  const actor = take('actor')
  if (actor !== undefined) parties.push({ as: 'actor', ...actorNamed(actor) })
  const [, entityType, entityId] = TYPED.exec(take('entity') ?? '') ?? []
  if (entityType !== undefined && entityId !== undefined) {
    parties.push({ as: 'entity', party: { type: entityType, id: entityId } })
  }
  for (const [type, id] of [
    ['type', 'id'], ['entityType', 'entityId'], ['table', 'entityId'], ['entity_type', 'entity_id']
  ] as const) {
    if (!given.has(type) || !given.has(id)) continue
    const name = take(type) ?? ''
    // Only Mosaic has names of its own for types.
    const party = { type: type === 'entityType' ? entityTypeOf(name) : name, id: take(id) ?? '' }
    const isPerson = url.startsWith('/v1/subjects/')
    parties.push({ as: isPerson ? 'subject' : 'entity', party, isPerson })
  }
  const stream = parseStream(String(given.get('stream') ?? ''))
  if (stream !== undefined && isRef(stream.key)) {
    parties.push({ as: 'entity', party: { type: stream.type, id: stream.key } })
  }
  return parties
}

/** Without a type it is the user of that id if there is one, else whoever has it. */
function actorNamed (text: string): Pick<NamedParty, 'party' | 'isPerson'> {
  const [, type, id] = TYPED.exec(text) ?? []
  if (ACTOR_TYPES.some((known) => known === type) && type !== undefined && id !== undefined) {
    return { party: { type, id } }
  }
  return { party: { type: 'user', id: text }, isPerson: true }
}
