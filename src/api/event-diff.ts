import type { Static } from '@sinclair/typebox'
import { diff } from '../../projections/entity-trails/diff.ts'
import type { EventDiffView } from '../../schemas/http/entities.ts'
import type { EventView } from '../../schemas/http/events.ts'
import { getAt } from '../../schemas/pointer.ts'
import type { Change } from '../../schemas/primitives.ts'
import { isHidden } from './state-step.ts'

/**
 * What an event says it changed: the differences of its states, and its changes where it has no
 * states to compare. What is made or removed as a whole is told member by member.
 */
export function diffOfEvent (event: EventView): Static<typeof EventDiffView> {
  const { id, action, entity, before, after, changes, data } = event
  const hidden = [before, after, changes, data].some(isHidden)
  const operation = getAt(data, '/operation')
  return {
    id,
    action,
    ...(entity !== undefined && { entity }),
    operation: typeof operation === 'string' ? operation : null,
    changes: changesOf(event),
    validationErrors: listOf(getAt(data, '/validationErrors')),
    businessRules: listOf(getAt(data, '/businessRules')),
    hidden
  }
}

/** The values that an event changed, as far as the reader sees them. */
export function changesOf ({ before, after, changes }: EventView): Change[] {
  const [one, other] = [before, after].map((state) => {
    return isHidden(state) ? undefined : state ?? undefined
  })
  if (one === undefined && other === undefined) {
    return changes === undefined || isHidden(changes) ? [] : changes
  }
  return diff(one ?? emptyLike(other), other ?? emptyLike(one))
}

/** Nothing, in the form of something: so what is compared with it is told member by member. */
function emptyLike (value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return Array.isArray(value) ? [] : {}
}

function listOf (value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}
