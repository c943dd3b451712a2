/** What an event says of its kind. */
export type Category =
  'action' | 'auth' | 'change' | 'access' | 'api' | 'external' | 'system' | 'task'

export type Outcome = 'success' | 'failure' | 'denied'

/** Who did it. */
export type Actor =
  | { type: 'user', id: string, name?: string, email?: string }
  | { type: 'service' | 'agent', id: string, name?: string }
  | { type: 'system', id?: string, name?: string }
  | { type: 'anonymous' }

/** What it happened to. */
export interface EntityRef {
  type: string
  id: string
  name?: string
}

/** Where and through what it happened. */
export interface Context {
  ip?: string
  userAgent?: string
  sessionId?: string
  requestId?: string
  /** W3C Trace Context. */
  traceparent?: string
}

/** One changed value, at a JSON Pointer (RFC 6901) into the entity. */
export interface Change {
  path: string
  before?: unknown
  after?: unknown
}

/** Parts of the event that are one person's data, by JSON Pointers into the event. */
export interface Personal {
  subject: { type: string, id: string }
  paths: string[]
}

/** What every event can say, whatever its category; limits are those of `POST /v1/events`. */
export interface EventBase {
  /** A UUID, lower case; the client mints one (version 7) if there is none. */
  id?: string
  /** A dotted name in the past tense: `order.updated`. */
  action: string
  actor: Actor
  entity?: EntityRef
  /** Entities whose trails show the event as well; at most 20. */
  related?: EntityRef[]
  outcome: Outcome
  /** RFC 3339, UTC, at most milliseconds; the moment of the call if it is not given. */
  occurredAt?: string
  description?: string
  tags?: string[]
  context?: Context
  before?: unknown
  after?: unknown
  changes?: Change[]
  personal?: Personal[]
  correlationId?: string
  causationId?: string
}

/** What a user or program did, in its own words. */
export interface ActionData {
  [name: string]: unknown
}

/** Sign-in, sign-out, reset, verification. */
export interface AuthData {
  method?: string
  mfa?: boolean
  sessionId?: string
  reason?: string
  [name: string]: unknown
}

/** A change; the states themselves are the event's before, after or changes. */
export interface ChangeData {
  operation?: 'create' | 'update' | 'delete' | 'restore'
  validationErrors?: unknown[]
  businessRules?: unknown[]
  [name: string]: unknown
}

/** Somebody read data. */
export interface AccessData {
  operation?: string
  query?: unknown
  fields?: string[]
  permission?: string
  filters?: unknown
  rowCount?: number
  [name: string]: unknown
}

/** A call that the producer's own API answered. */
export interface ApiData {
  method?: string
  endpoint?: string
  statusCode?: number
  durationMs?: number
  request?: unknown
  response?: unknown
  headers?: Record<string, unknown>
  error?: unknown
  [name: string]: unknown
}

/** A call that the producer made to somebody else's service. */
export interface ExternalData {
  service?: string
  endpoint?: string
  method?: string
  statusCode?: number
  durationMs?: number
  error?: unknown
  rateLimit?: unknown
  [name: string]: unknown
}

/** Something happened to a component by itself. */
export interface SystemData {
  severity?: 'debug' | 'info' | 'warning' | 'error' | 'critical'
  component?: string
  errorCode?: string
  stackTrace?: string
  affected?: unknown[]
  [name: string]: unknown
}

/** A step of work that spans several events; its entity is the task. */
export interface TaskData {
  taskType?: string
  status?: string
  [name: string]: unknown
}

/** Category -> the data of its events. */
export interface DataOf {
  action: ActionData
  auth: AuthData
  change: ChangeData
  access: AccessData
  api: ApiData
  external: ExternalData
  system: SystemData
  task: TaskData
}

/** An event of one category. */
export interface EventOf<C extends Category> extends EventBase {
  category: C
  data?: DataOf[C]
}

/** An event as a producer sends it. */
export type EventInput = { [C in Category]: EventOf<C> }[Category]
