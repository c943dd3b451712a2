import type { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { EventRow, Page } from '../../projections/entries/queries.ts'
import type { Tx } from '../../projections/projection.ts'
import type { EventView } from '../../schemas/http/events.ts'
import { COUNT_MAX, PAGE_DEFAULT } from '../../schemas/http/paging.ts'
import { renderLine } from '../../schemas/vocabulary/template.ts'
import { callerOf, tenantOf } from './auth.ts'
import { openCursor, sealCursor, type CursorScope } from './cursor.ts'
import { accessOf, presentRows } from './present.ts'
import { readTenant } from './reading.ts'
import type { Services } from './services.ts'
import { templateOf } from './vocabulary.ts'

const JSON_ANSWER = 'application/json; charset=utf-8'

/** Sends what is JSON text already. */
export async function sendText (reply: FastifyReply, text: string): Promise<FastifyReply> {
  return await reply.type(JSON_ANSWER).send(text)
}

/** Sends what is no JSON as it is. */
export async function sendBody (
  reply: FastifyReply, type: string, body: Buffer | Readable
): Promise<FastifyReply> {
  return await reply.type(type).send(body)
}

/** The paging part of a list's query. */
export interface PagingQuery {
  limit?: number
  cursor?: string
  count?: 'none' | 'estimate' | 'exact'
  render?: boolean
}

/** What a list of events reads: a page of it and, if that is asked for, how many there are. */
export interface EventList {
  page: (tx: Tx, page: Page) => Promise<EventRow[]>
  /** Counts no further than `cap`. */
  count: (tx: Tx, cap: number) => Promise<number>
  estimate?: (tx: Tx) => Promise<number>
  /** What a page says of each event, where that is not the event itself. */
  show?: (event: EventView) => unknown
}

/** Which page of which list a request asks for. */
export interface PageRequest {
  limit: number
  before: bigint | undefined
  scope: CursorScope
}

/** The page that is asked for. Throws INVALID_CURSOR. */
export async function pageRequest (
  services: Services, request: FastifyRequest, query: PagingQuery
): Promise<PageRequest> {
  const { limit = PAGE_DEFAULT, cursor, count, ...filter } = query
  const { tenant, subjectRef } = callerOf(request)
  const scope = {
    secret: await services.cursorSecret(),
    tenant: tenant ?? '',
    list: `${pathOf(request)} ${subjectRef ?? ''}`,
    filter
  }
  const before = cursor === undefined ? undefined : BigInt(openCursor(scope, cursor))
  return { limit, before, scope }
}

/** One page of events as JSON text, with Link, Ledger-Position and, where asked for, a count. */
export async function sendEvents (
  services: Services, request: FastifyRequest, reply: FastifyReply, list: EventList
): Promise<FastifyReply> {
  const query: PagingQuery = request.query ?? {}
  const { limit, before, scope } = await pageRequest(services, request, query)
  const [rows, count] = await readTenant(services, request, reply, async (tx) => {
    return await Promise.all([
      // One more than asked for tells whether there is a next page.
      list.page(tx, { limit: limit + 1, before }), counted(tx, list, query.count)
    ])
  })
  const caller = callerOf(request)
  const reader = { tenant: tenantOf(caller), access: accessOf(caller) }
  const texts = await presentRows(services, reader, rows.slice(0, limit))
  const { show } = list
  const items = show !== undefined
    ? texts.map((text) => JSON.stringify(show(JSON.parse(text))))
    : query.render === true ? await rendered(services, reader.tenant, texts) : texts
  const last = rows.length > limit ? rows[limit - 1] : undefined
  const nextCursor = last === undefined ? null : sealCursor(scope, String(last.position))
  return await sendPage(request, reply, { items, nextCursor, count })
}

/** The texts with the line that says each, in the tenant's words. */
async function rendered (
  { vocabulary }: Services, tenant: string, texts: readonly string[]
): Promise<string[]> {
  const known = await vocabulary.get(tenant)
  return texts.map((text) => {
    const event: EventView = JSON.parse(text)
    const line = renderLine(templateOf(known, event.action), event)
    return `${text.slice(0, -1)},"rendered":${JSON.stringify(line)}}`
  })
}

/** A page made of JSON texts. */
export interface PageText {
  items: readonly string[]
  nextCursor: string | null
  count?: { value: number, exact: boolean } | undefined
}

/** Sends a page, and where the next one is (RFC 8288). */
export async function sendPage (
  request: FastifyRequest, reply: FastifyReply, { items, nextCursor, count }: PageText
): Promise<FastifyReply> {
  if (nextCursor !== null) reply.header('link', `<${nextPage(request, nextCursor)}>; rel="next"`)
  request.eventsRead = items.length
  const counted = count === undefined ? '' : `,"count":${JSON.stringify(count)}`
  return await sendText(reply,
    `{"items":[${items.join()}],"nextCursor":${JSON.stringify(nextCursor)}${counted}}`)
}

async function counted (
  tx: Tx, list: EventList, mode: PagingQuery['count'] = 'none'
): Promise<PageText['count']> {
  if (mode === 'none') return undefined
  if (mode === 'estimate' && list.estimate !== undefined) {
    return { value: Math.round(await list.estimate(tx)), exact: false }
  }
  const value = await list.count(tx, COUNT_MAX + 1)
  return { value, exact: value <= COUNT_MAX }
}

function nextPage (request: FastifyRequest, cursor: string): string {
  const [, query = ''] = request.url.split('?', 2)
  const parameters = new URLSearchParams(query)
  parameters.set('cursor', cursor)
  return `${pathOf(request)}?${parameters.toString()}`
}

function pathOf (request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? ''
}
