import type { Static } from '@sinclair/typebox'
import type { EventFilter } from '../../projections/entries/queries.ts'
import { parseSearch } from '../../projections/search/query.ts'
import type { PersonRefs } from '../../projections/user-feeds/queries.ts'
import type { EventsQuery, NarrowQuery } from '../../schemas/http/events.ts'
import { ACTOR_TYPES, type SubjectRef } from '../../schemas/primitives.ts'
import { LedgerError } from '../errors.ts'
import { findTag } from '../privacy/cipher.ts'
import { isPersonType } from '../privacy/personal.ts'
import type { Vault } from '../privacy/vault.ts'
import type { Services } from './services.ts'
import { refusal } from './validator.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const TYPED_ACTOR = new RegExp(`^(${ACTOR_TYPES.join('|')}):(.+)$`, 's')
const ENTITY = /^([^:]+):(.+)$/s

/** How rows name somebody or something, and the data key if it is a person that is known. */
export interface Party {
  type: string
  key: string
  dataKey: Buffer | undefined
  /** Closed refs of a person who came back while an erasure was held. */
  others?: readonly string[] | undefined
}

type NarrowFilters = Omit<Static<typeof NarrowQuery>, 'limit' | 'cursor' | 'count'>

/**
 * How rows name this party: a person by the ref that the vault knows, everything else by its id.
 * A ref may be given instead of an id: readers find it where they may not see the id.
 */
export async function partyOf (vault: Vault, tenant: string, party: SubjectRef): Promise<Party> {
  const found = await vault.find(tenant, party)
  return {
    type: party.type,
    key: found?.ref ?? party.id,
    dataKey: found?.dataKey,
    others: found?.others
  }
}

/** The ref of a user, undefined if the ledger knows nobody by that id or ref (any more). */
export async function userRef (
  vault: Vault, tenant: string, id: string
): Promise<string | undefined> {
  return await personRef(vault, tenant, { type: 'user', id })
}

/** The same of a person of any type. */
export async function personRef (
  vault: Vault, tenant: string, person: SubjectRef
): Promise<string | undefined> {
  return (await personRefs(vault, tenant, person))?.ref
}

/** All refs of a person whom an id names; by a ref that one alone. */
export async function personRefs (
  vault: Vault, tenant: string, person: SubjectRef
): Promise<PersonRefs | undefined> {
  const { key: ref, dataKey, others } = await partyOf(vault, tenant, person)
  if (dataKey !== undefined) return { ref, others: await known(vault, tenant, others) }
  if (!UUID.test(ref)) return undefined
  return (await vault.keys(tenant, [ref])).has(ref) ? { ref } : undefined
}

/** Those of the refs that are not erased meanwhile. */
async function known (
  vault: Vault, tenant: string, refs: readonly string[] | undefined
): Promise<string[] | undefined> {
  return refs && [...(await vault.keys(tenant, refs)).keys()]
}

/**
 * How rows name the entity of an address. Throws NOT_FOUND for a person whom the ledger does not
 * know, or does not know any more; whether anything else exists, only its events can tell.
 */
export async function entityParty (
  { vault, settings }: Pick<Services, 'vault' | 'settings'>, tenant: string, given: SubjectRef
): Promise<Party> {
  const party = await partyOf(vault, tenant, given)
  if (party.dataKey !== undefined) return party
  if (!isPersonType(given.type, await settings.get(tenant))) return party
  if (UUID.test(party.key) && (await vault.keys(tenant, [party.key])).has(party.key)) return party
  throw new LedgerError('NOT_FOUND', `The ledger knows no such ${given.type}`)
}

/**
 * The filters that every list has, as the queries take them. Refuses ranges that are empty and a
 * search that makes no sense.
 */
export function narrowFilter (query: NarrowFilters): EventFilter {
  const { action, category, outcome, source, tag, correlationId } = query
  const { from, to, recordedFrom, recordedTo, q } = query
  requireRange('to', from, to)
  requireRange('recordedTo', recordedFrom, recordedTo)
  if (q !== undefined) requireSearch(q)
  return {
    ...{ action, category, outcome, source, tag, correlationId },
    ...{ from, to, recordedFrom, recordedTo, q }
  }
}

function requireSearch (text: string): void {
  const parsed = parseSearch(text)
  if ('fault' in parsed) throw refusal([{ pointer: 'q', detail: parsed.fault }])
}

/** All filters. What is sealed under a person is found by tags that only their key makes. */
export async function eventFilter (
  vault: Vault, tenant: string, query: Static<typeof EventsQuery>
): Promise<EventFilter> {
  const [actor, entity] = await Promise.all([
    query.actor === undefined ? undefined : actorOf(vault, tenant, query.actor),
    query.entity === undefined ? undefined : entityOf(vault, tenant, query.entity)
  ])
  const owners = [actor?.dataKey, entity?.dataKey].filter((key) => key !== undefined)
  return {
    ...narrowFilter(query),
    actor: actor === undefined ? undefined : { type: actor.type, key: actor.key },
    entity: entity === undefined ? undefined : { type: entity.type, key: entity.key },
    entityType: query.entityType,
    ip: needles('/context/ip', query.ip, owners),
    session: needles('/context/sessionId', query.session, owners)
  }
}

/** Without a type: the user of that id if there is one, else whoever has it. */
async function actorOf (
  vault: Vault, tenant: string, text: string
): Promise<{ type: string | undefined, key: string, dataKey: Buffer | undefined }> {
  const [, type, id] = TYPED_ACTOR.exec(text) ?? []
  if (type !== undefined && id !== undefined && type !== 'user') {
    return { type, key: id, dataKey: undefined }
  }
  const user = await partyOf(vault, tenant, { type: 'user', id: id ?? text })
  const known = type === 'user' || user.dataKey !== undefined
  return { ...user, type: known ? 'user' : undefined }
}

/** How rows name the entity that a filter says as `type:id`. */
export async function entityOf (
  vault: Vault, tenant: string, text: string
): Promise<Party> {
  const [, type, id] = ENTITY.exec(text) ?? []
  if (type === undefined || id === undefined) {
    throw refusal([{ pointer: 'entity', detail: 'expected type:id' }])
  }
  return await partyOf(vault, tenant, { type, id })
}

function needles (
  pointer: string, value: string | undefined, owners: readonly Buffer[]
): string[] | undefined {
  if (value === undefined) return undefined
  return [value, ...owners.map((dataKey) => findTag(dataKey, pointer, value))]
}

/** Refuses a range that is empty; `name` is that of the parameter for its end. */
export function requireRange (
  name: string, from: string | undefined, to: string | undefined
): void {
  if (from === undefined || to === undefined || Date.parse(from) < Date.parse(to)) return
  throw refusal([{ pointer: name, detail: 'is not after the beginning of the range' }])
}
