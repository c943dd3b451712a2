import { eventOfCategory, type Said, type Writer } from './categories.ts'
import type { Category, Context, EventInput, Outcome, SystemData } from './event.ts'
import { outcomeOf } from './outcome.ts'
import { redact } from './redact.ts'

/** What every call can say besides its own. */
export interface TruledgrSaid {
  userId?: string
  description?: string
  tags?: string[]
  ipAddress?: string
  userAgent?: string
  sessionId?: string
}

/** `create_activity`: anything; a type of sign-in is one of the auth events as well. */
export interface TruledgrActivity extends TruledgrSaid {
  activityType: string
  entityType?: string
  entityId?: string
  status?: Outcome
  details?: Record<string, unknown>
}

/** `log_api_transaction`; request, response and headers are redacted. */
export interface TruledgrApiTransaction extends TruledgrSaid {
  method: string
  endpoint: string
  statusCode: number
  executionTimeMs?: number
  requestData?: unknown
  responseData?: unknown
  headers?: Record<string, unknown>
  errorDetails?: unknown
  performanceMetrics?: unknown
}

/** `log_data_access`: of a table, or of one record of it. */
export interface TruledgrDataAccess extends TruledgrSaid {
  tableName: string
  operation: string
  recordId?: string
  fieldsAccessed?: string[]
  queryParameters?: unknown
  permissionLevel?: string
  appliedFilters?: unknown
}

/** `log_data_changes`. */
export interface TruledgrDataChanges extends TruledgrSaid {
  tableName: string
  operation: 'create' | 'update' | 'delete' | 'restore'
  recordId: string
  oldValues?: unknown
  newValues?: unknown
  validationErrors?: unknown[]
  businessRules?: unknown[]
}

/** A sign-in, a sign-out and the like: `user_login`. */
export interface TruledgrAuthEvent extends TruledgrSaid {
  eventType: string
  success: boolean
  failureReason?: string
  twoFactor?: boolean
  loginMethod?: string
}

/** A call of another service's API. */
export interface TruledgrExternalApi extends TruledgrSaid {
  serviceName: string
  endpoint: string
  method?: string
  responseCode?: number
  executionTimeMs?: number
  errorDetails?: unknown
  rateLimitInfo?: unknown
}

/** What happens by itself: `job.failed`. */
export interface TruledgrSystemEvent extends TruledgrSaid {
  eventType: string
  severity?: NonNullable<SystemData['severity']>
  component?: string
  errorCode?: string
  stackTrace?: string
  affectedEntities?: unknown[]
}

/** TruLedgr's service calls. */
export interface TruledgrService<R> {
  createActivity (said: TruledgrActivity): Promise<R>
  logApiTransaction (said: TruledgrApiTransaction): Promise<R>
  logDataAccess (said: TruledgrDataAccess): Promise<R>
  logDataChanges (said: TruledgrDataChanges): Promise<R>
  logAuthEvent (said: TruledgrAuthEvent): Promise<R>
  logExternalApi (said: TruledgrExternalApi): Promise<R>
  logSystemEvent (said: TruledgrSystemEvent): Promise<R>
}

/** Types of activity that are of another category than action. */
const CATEGORY_OF: ReadonlyMap<string, Category> = new Map([
  ['user_login', 'auth'], ['user_logout', 'auth']
])

/**
 * TruLedgr's service calls over a client (they resolve with receipts, which takes the place of
 * the business transaction) or `buffered(client)`. Their entries come back at `/activities/…`.
 */
export function truledgr<R> (writer: Writer<R>): TruledgrService<R> {
  const write = async <C extends Category>(
    category: C, action: string, said: Said<C>
  ): Promise<R> => {
    return await writer.append(eventOfCategory(category, action, said) as EventInput)
  }
  return {
    createActivity: async (said) => {
      const category = CATEGORY_OF.get(said.activityType) ?? 'action'
      return await write(category, said.activityType, activity(said))
    },
    logApiTransaction: async (said) => await write('api', 'api.called', apiTransaction(said)),
    logDataAccess: async (said) => await write('access', 'data.read', dataAccess(said)),
    logDataChanges: async (said) => await write('change', 'data.changed', dataChanges(said)),
    logAuthEvent: async (said) => await write('auth', said.eventType, authEvent(said)),
    logExternalApi: async (said) => await write('external', 'external.called', externalApi(said)),
    logSystemEvent: async (said) => await write('system', said.eventType, systemEvent(said))
  }
}

function activity (said: TruledgrActivity): Said<Category> {
  const { entityType, entityId, status, details } = said
  return {
    ...common(said),
    ...entityType !== undefined && entityId !== undefined && {
      entity: { type: entityType, id: entityId }
    },
    ...defined({ outcome: status, data: details })
  }
}

function apiTransaction (said: TruledgrApiTransaction): Said<'api'> {
  const { method, endpoint, statusCode, headers } = said
  return {
    ...common(said),
    outcome: outcomeOf(statusCode, said.errorDetails),
    data: {
      method,
      endpoint,
      statusCode,
      ...headers && { headers: redactMembers(headers) },
      ...defined({
        durationMs: said.executionTimeMs,
        request: redact(said.requestData),
        response: redact(said.responseData),
        error: said.errorDetails,
        performance: said.performanceMetrics
      })
    }
  }
}

function dataAccess (said: TruledgrDataAccess): Said<'access'> {
  const { tableName, recordId, operation } = said
  return {
    ...common(said),
    entity: recordId === undefined
      ? { type: 'table', id: tableName }
      : { type: tableName, id: recordId },
    data: {
      operation,
      ...defined({
        fields: said.fieldsAccessed,
        query: said.queryParameters,
        permission: said.permissionLevel,
        filters: said.appliedFilters
      })
    }
  }
}

function dataChanges (said: TruledgrDataChanges): Said<'change'> {
  const { tableName, recordId, operation, oldValues, newValues } = said
  const { validationErrors, businessRules } = said
  return {
    ...common(said),
    entity: { type: tableName, id: recordId },
    ...defined({ before: oldValues, after: newValues }),
    data: { operation, ...defined({ validationErrors, businessRules }) }
  }
}

function authEvent (said: TruledgrAuthEvent): Said<'auth'> {
  return {
    ...common(said),
    outcome: said.success ? 'success' : 'failure',
    data: defined({ method: said.loginMethod, mfa: said.twoFactor, reason: said.failureReason })
  }
}

function externalApi (said: TruledgrExternalApi): Said<'external'> {
  const { serviceName, endpoint, responseCode } = said
  return {
    ...common(said),
    outcome: outcomeOf(responseCode, said.errorDetails),
    data: {
      service: serviceName,
      endpoint,
      ...defined({
        method: said.method,
        statusCode: responseCode,
        durationMs: said.executionTimeMs,
        error: said.errorDetails,
        rateLimit: said.rateLimitInfo
      })
    }
  }
}

function systemEvent (said: TruledgrSystemEvent): Said<'system'> {
  const { severity, component, errorCode, stackTrace, affectedEntities } = said
  return {
    ...common(said),
    outcome: severity === 'error' || severity === 'critical' ? 'failure' : 'success',
    data: defined({ severity, component, errorCode, stackTrace, affected: affectedEntities })
  }
}

function common (said: TruledgrSaid): Pick<Said<'action'>, 'actor' | 'context'> {
  const { userId, description, tags, ipAddress: ip, userAgent, sessionId } = said
  const context: Context = defined({ ip, userAgent, sessionId })
  return {
    actor: userId === undefined ? { type: 'system' } : { type: 'user', id: userId },
    ...defined({ description, tags }),
    ...Object.keys(context).length > 0 && { context }
  }
}

function redactMembers (headers: Record<string, unknown>): Record<string, unknown> {
  return redact(headers) as Record<string, unknown>
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

/** Only the members that have a value: what is not known is not said. */
function defined<T extends object> (members: T): Defined<T> {
  const known = Object.entries(members).filter(([, value]) => value !== undefined)
  return Object.fromEntries(known) as Defined<T>
}
