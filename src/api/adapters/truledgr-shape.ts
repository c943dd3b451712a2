import { diff } from '../../../projections/entity-trails/diff.ts'
import type { EventView } from '../../../schemas/http/events.ts'
import { parsePointer } from '../../../schemas/pointer.ts'
import type { Category } from '../../../schemas/primitives.ts'
import { refusal } from '../validator.ts'
import { actingUserId, dataMember } from './shown.ts'
import { ulidOf } from './ulid.ts'

type Members = Record<string, unknown>

/** One of TruLedgr's kinds of activity: the category it is here, and what an item tells of it. */
export interface Kind {
  category: Category
  members: (event: EventView) => Members
}

const member = (event: EventView, name: string): unknown => dataMember(event, name) ?? null

/** What every item tells. Nothing is ever updated, so both times are the same. */
export function activityItem (event: EventView): Members {
  const { entity, occurredAt } = event
  return {
    id: ulidOf(event.id),
    activity_type: event.action,
    user_id: actingUserId(event),
    description: event.description ?? null,
    entity_type: entity?.type ?? null,
    entity_id: entity?.id ?? null,
    status: event.outcome,
    details: event.data ?? null,
    context: event.context ?? null,
    tags: event.tags ?? [],
    created_at: occurredAt,
    updated_at: occurredAt
  }
}

/** TruLedgr's six kinds, by the last part of their paths. */
export const KINDS = {
  'api-transactions': {
    category: 'api',
    members: (event) => ({
      method: member(event, 'method'),
      endpoint: member(event, 'endpoint'),
      status_code: member(event, 'statusCode'),
      request_data: member(event, 'request'),
      response_data: member(event, 'response'),
      headers: member(event, 'headers'),
      execution_time_ms: member(event, 'durationMs'),
      error_details: member(event, 'error'),
      performance_metrics: member(event, 'performance')
    })
  },
  'data-access': {
    category: 'access',
    members: (event) => ({
      table_name: tableOf(event),
      operation: member(event, 'operation'),
      query_parameters: member(event, 'query'),
      fields_accessed: member(event, 'fields'),
      permission_level: member(event, 'permission'),
      applied_filters: member(event, 'filters')
    })
  },
  'data-changes': {
    category: 'change',
    members: (event) => ({
      table_name: event.entity?.type ?? null,
      operation: member(event, 'operation'),
      record_id: event.entity?.id ?? null,
      ...changedValues(event),
      validation_errors: member(event, 'validationErrors'),
      business_rules: member(event, 'businessRules')
    })
  },
  'auth-events': {
    category: 'auth',
    members: (event) => ({
      event_type: event.action,
      success: event.outcome === 'success',
      failure_reason: member(event, 'reason'),
      ip_address: event.context?.['ip'] ?? null,
      user_agent: event.context?.['userAgent'] ?? null,
      session_id: event.context?.['sessionId'] ?? member(event, 'sessionId'),
      two_factor: member(event, 'mfa'),
      login_method: member(event, 'method')
    })
  },
  'external-api': {
    category: 'external',
    members: (event) => ({
      service_name: member(event, 'service'),
      endpoint: member(event, 'endpoint'),
      method: member(event, 'method'),
      response_code: member(event, 'statusCode'),
      execution_time_ms: member(event, 'durationMs'),
      error_details: member(event, 'error'),
      rate_limit_info: member(event, 'rateLimit')
    })
  },
  'system-events': {
    category: 'system',
    members: (event) => ({
      event_type: event.action,
      severity: member(event, 'severity'),
      component: member(event, 'component'),
      error_code: member(event, 'errorCode'),
      stack_trace: member(event, 'stackTrace'),
      affected_entities: member(event, 'affected')
    })
  }
} as const satisfies Record<string, Kind>

/** Only the members that `fields` names, in its order. Refuses a name that no item has. */
export function selectFields (item: Members, fields: string | undefined): Members {
  if (fields === undefined) return item
  return Object.fromEntries(fields.split(',').map((name) => {
    if (Object.hasOwn(item, name)) return [name, item[name]]
    throw refusal([{ pointer: 'fields', detail: `${name} is none of ${Object.keys(item).join()}` }])
  }))
}

/** Reads of a table are about the table itself, reads of a record about an entity of its type. */
function tableOf ({ entity }: EventView): string | null {
  if (entity === undefined) return null
  return entity.type === 'table' ? entity.id ?? null : entity.type
}

function changedValues ({ before, after, changes }: EventView): Members {
  const all = changes ?? (before === undefined && after === undefined ? [] : diff(before, after))
  const valuesOf = (side: 'before' | 'after'): Members => Object.fromEntries(
    all.filter((change) => change[side] !== undefined)
      .map((change) => [change.path.slice(1), change[side]]))
  return {
    old_values: before ?? (changes === undefined ? null : valuesOf('before')),
    new_values: after ?? (changes === undefined ? null : valuesOf('after')),
    changed_fields: [...new Set(all.flatMap(({ path }) => parsePointer(path).slice(0, 1)))]
  }
}
