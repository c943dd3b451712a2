import type { EventView } from '../../../schemas/http/events.ts'
import {
  PAGE_SIZE_DEFAULT, type Activity, type ActivityDetail, type Pagination
} from '../../../schemas/http/sovrium.ts'
import { actingUserId } from './shown.ts'
import { capped, requireNear, type Window, type WindowPage } from './window.ts'

/** Actions that stand for Sovrium's words for what happens to records. */
const RECORD_ACTIONS: Readonly<Record<string, string>> = {
  create: 'record.created',
  update: 'record.updated',
  delete: 'record.deleted',
  restore: 'record.restored'
}

/** Actions that Mosaic's constants stand for. */
const CONSTANTS: Readonly<Record<string, string>> = {
  LOGIN: 'auth.login',
  LOGOUT: 'auth.logout',
  PASSWORD_RESET: 'auth.password_reset',
  EMAIL_VERIFIED: 'auth.email_verified'
}

const WORDS = new Map(Object.entries(RECORD_ACTIONS).map(([word, action]) => [action, word]))
const WHOLE_NUMBER = /^(0|[1-9][0-9]{0,14})$/

/** The actions that are meant by a word of one of the systems: `update` is also record.updated. */
export function actionsMeant (word: string): string | string[] {
  const action = CONSTANTS[word] ?? word
  const record = RECORD_ACTIONS[action]
  return record === undefined ? action : [action, record]
}

/** An event in Sovrium's shape. */
export function activityOf (event: EventView): Activity {
  const { id, action, entity, occurredAt } = event
  return {
    id: `act_${id}`,
    action: WORDS.get(action) ?? action,
    tableName: entity?.type ?? null,
    recordId: recordIdOf(entity?.id),
    createdAt: occurredAt,
    user: userOf(event)
  }
}

/** The same with everything else there is to say. */
export function detailOf (event: EventView, workspaceId: string): ActivityDetail {
  const { id, entity, context = {}, description, data, before, after, outcome, recordedAt } = event
  return {
    ...activityOf(event),
    workspaceId,
    userId: actingUserId(event),
    entityType: entity?.type ?? null,
    entityId: entity?.id ?? null,
    description: description ?? null,
    metadata: data ?? null,
    before: before ?? null,
    after: after ?? null,
    ipAddress: context['ip'] ?? null,
    userAgent: context['userAgent'] ?? null,
    outcome,
    recordedAt,
    href: `/v1/events/${id}`
  }
}

/** The window of a page. Refuses one that lies too far back. */
export function windowOf (
  { page = 1, pageSize = PAGE_SIZE_DEFAULT }: { page?: number, pageSize?: number }
): Window {
  const limit = capped(pageSize)
  const window = { limit, offset: (page - 1) * limit }
  requireNear(window, 'page')
  return window
}

/** What Sovrium says of a page. */
export function paginationOf (
  { events: _, total, ...more }: WindowPage, { limit, offset }: Window
): Pagination {
  return {
    total, ...more, page: offset / limit + 1, pageSize: limit, totalPages: Math.ceil(total / limit)
  }
}

/** Ids of tables' rows are numbers there, and as precise as JSON's numbers. */
function recordIdOf (id: string | undefined): Activity['recordId'] {
  if (id === undefined) return null
  return WHOLE_NUMBER.test(id) ? Number(id) : id
}

/** Whoever acted; null for nobody, and in place of a person who was erased. */
function userOf ({ actor: { id, name, email } }: EventView): Activity['user'] {
  if (id === undefined) return null
  return { id, name: name ?? null, email: email ?? null }
}
