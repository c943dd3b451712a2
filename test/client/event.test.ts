import type { Static } from '@sinclair/typebox'
import t from 'tap'
import { checkEvent } from '../../schemas/door.ts'
import { EVENT_SCHEMAS, type CATEGORY_DATA } from '../../schemas/events/index.ts'
import type { Receipt as SchemaReceipt } from '../../schemas/http/events.ts'
import type * as primitives from '../../schemas/primitives.ts'
import type {
  Actor, Category, Change, Context, DataOf, EntityRef, EventOf, Outcome, Personal
} from '../../src/client/event.ts'
import type { Receipt } from '../../src/client/receipt.ts'

/** Whether two types are the same, and not merely assignable to each other. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2)
  ? true
  : false
/** Flat, so that an intersection is what it amounts to. */
type Flat<T> = { [K in keyof T]: T[K] }
/** Without the index signature that lets a category's data be open to more. */
type Named<T> = { [K in keyof T as string extends K ? never : K]: T[K] }
type Sent<C extends Category> = Static<typeof EVENT_SCHEMAS[C]>

/** The compiler refuses a false one: so does `npm run check`. */
type Assert<T extends true> = T

export type Held = [
  Assert<Same<Category, primitives.Category>>,
  Assert<Same<Outcome, primitives.Outcome>>,
  Assert<Same<Flat<EntityRef>, Flat<primitives.EntityRef>>>,
  Assert<Same<Flat<Context>, Flat<primitives.Context>>>,
  Assert<Same<Flat<Change>, Flat<primitives.Change>>>,
  Assert<Same<Flat<Personal>, Flat<primitives.Personal>>>,
  Assert<Actor extends primitives.Actor ? true : false>,
  Assert<primitives.Actor extends Actor ? true : false>,
  Assert<Same<keyof Receipt, Exclude<keyof SchemaReceipt, 'projected' | 'proof'>>>,
  Assert<SchemaReceipt extends Receipt ? true : false>
]

type HeldOf<C extends Category> = [
  Same<keyof EventOf<C>, keyof Sent<C>>,
  Same<Named<DataOf[C]>, Named<Static<typeof CATEGORY_DATA[C]>>>,
  EventOf<C> extends Sent<C> ? true : false,
  Omit<Sent<C>, 'data'> extends Omit<EventOf<C>, 'data'> ? true : false
]
type All = [true, true, true, true]

export type HeldOfAll = [
  Assert<Same<HeldOf<'action'>, All>>, Assert<Same<HeldOf<'auth'>, All>>,
  Assert<Same<HeldOf<'change'>, All>>, Assert<Same<HeldOf<'access'>, All>>,
  Assert<Same<HeldOf<'api'>, All>>, Assert<Same<HeldOf<'external'>, All>>,
  Assert<Same<HeldOf<'system'>, All>>, Assert<Same<HeldOf<'task'>, All>>
]

/** Every member that there is, so that one which is renamed shows here as well. */
const base = {
  id: '00000000-0000-7000-8000-000000000001',
  action: 'thing.happened',
  actor: { type: 'user', id: 'u-1', name: 'Alice', email: 'alice@example.com' },
  entity: { type: 'thing', id: '1', name: 'Thing' },
  related: [{ type: 'thing', id: '2' }],
  outcome: 'success',
  occurredAt: '2026-11-20T07:13:00.000Z',
  description: 'It happened',
  tags: ['one'],
  context: {
    ip: '192.0.2.1',
    userAgent: 'curl',
    sessionId: 's',
    requestId: 'r',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  },
  before: { a: 1 },
  after: { a: 2 },
  changes: [{ path: '/a', before: 1, after: 2 }],
  personal: [{ subject: { type: 'user', id: 'u-2' }, paths: ['/data/more'] }],
  correlationId: 'c',
  causationId: 'd'
} as const
const call = { method: 'GET', endpoint: '/', statusCode: 200, durationMs: 1.5, error: null }
const data: { [C in Category]: DataOf[C] } = {
  action: { more: 1 },
  auth: { method: 'password', mfa: true, sessionId: 's', reason: 'r', more: 1 },
  change: { operation: 'restore', validationErrors: [1], businessRules: [1], more: 1 },
  access: {
    operation: 'read', query: 1, fields: ['a'], permission: 'own', filters: 1, rowCount: 1, more: 1
  },
  api: { ...call, request: 1, response: 1, headers: { a: 1 }, more: 1 },
  external: { ...call, service: 'bank', rateLimit: 1, more: 1 },
  system: {
    severity: 'critical', component: 'c', errorCode: 'e', stackTrace: 's', affected: [1], more: 1
  },
  task: { taskType: 't', status: 's', more: 1 }
}

t.test('the ledger takes whatever the types of producers allow', async (t) => {
  for (const [category, said] of Object.entries(data)) {
    const event: unknown = { ...base, category, data: said }
    t.strictSame(checkEvent(event), [], category)
  }
  t.strictSame(Object.keys(data), Object.keys(EVENT_SCHEMAS))
})
