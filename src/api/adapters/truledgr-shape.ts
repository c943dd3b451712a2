import type { EventView } from '../../../schemas/http/events.ts'
import { parsePointer } from '../../../schemas/pointer.ts'
import type { Category } from '../../../schemas/primitives.ts'
import { changesOf } from '../event-diff.ts'
import { isHidden } from '../state-step.ts'
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

/** Names of the members that an item of a kind has, of an item of all kinds without one. */
export function membersOf (kind: Kind | undefined): string[] {
  return Object.keys({ ...activityItem(NOTHING), ...kind?.members(NOTHING) })
}

/** An event that says nothing: every item has the same members. */
const NOTHING: EventView = {
  id: '00000000-0000-0000-0000-000000000000',
  stream: '',
  revision: '0',
  position: '0',
  action: '',
  category: 'action',
  outcome: 'success',
  leafHash: '',
  actor: { type: 'anonymous' },
  occurredAt: '',
  recordedAt: '',
  source: ''
}

/** Only the members that are named, in that order. */
export function selectFields (item: Members, names: readonly string[] | undefined): Members {
  return names === undefined ? item : Object.fromEntries(names.map((name) => [name, item[name]]))
}

/** Reads of a table are about the table itself, reads of a record about an entity of its type. */
function tableOf ({ entity }: EventView): string | null {
  if (entity === undefined) return null
  return entity.type === 'table' ? entity.id ?? null : entity.type
}

/** Where a state is hidden, what says so stands in its place, and nobody can compare. */
function changedValues (event: EventView): Members {
  const { before, after, changes } = event
  const isAnyHidden = [before, after, changes].some(isHidden)
  const changed = changesOf(event)
  const valuesOf = (side: 'before' | 'after'): unknown => {
    if (changes === undefined || isHidden(changes)) return changes ?? null
    return Object.fromEntries(changes.filter((change) => change[side] !== undefined)
      .map((change) => [change.path.slice(1), change[side]]))
  }
  return {
    old_values: before ?? valuesOf('before'),
    new_values: after ?? valuesOf('after'),
    changed_fields: isAnyHidden
      ? null
      : [...new Set(changed.flatMap(({ path }) => parsePointer(path).slice(0, 1)))]
  }
}
