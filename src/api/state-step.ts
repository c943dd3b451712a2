import type { Step } from '../../projections/entity-trails/fold.ts'
import type { SetBy } from '../../schemas/http/entities.ts'
import type { EventView } from '../../schemas/http/events.ts'
import type { Change } from '../../schemas/primitives.ts'
import type { Hidden } from '../privacy/open.ts'

/** The part of a shown event that a state is folded from. */
export interface ShownEvent extends SetBy {
  occurredAt: string
  action: string
  actor: EventView['actor']
  source: string
  data?: unknown
  before?: unknown
  after?: unknown
  changes?: Change[] | Hidden
}

/** A step, and whether the reader cannot see all that the event says of the state. */
export interface SeenStep {
  step: Step<SetBy>
  hidden: boolean
}

/** What a shown event says of its entity's state; what is hidden from the reader is left out. */
export function stepOf (event: ShownEvent): SeenStep {
  const { id, revision, position, recordedAt, before, after, changes } = event
  return {
    hidden: [before, after, changes].some(isHidden),
    step: {
      by: { id, revision, position, recordedAt },
      operation: operationOf(event),
      ...(isHidden(before) ? {} : { before }),
      ...(isHidden(after) ? {} : { after }),
      ...(isHidden(changes) ? {} : { changes })
    }
  }
}

function operationOf ({ data }: ShownEvent): string | undefined {
  if (typeof data !== 'object' || data === null || !('operation' in data)) return undefined
  return typeof data.operation === 'string' ? data.operation : undefined
}

const WHY = new Set(['sealed', 'erased', 'tampered'])
/** What an erased value tells besides, once the rows know of the erasure. */
const BESIDE_ERASED = new Set(['erasure', 'erasedAt'])

/** What stands in place of a value: a member that is `true` says why. See src/privacy/open.ts. */
export function isHidden (value: unknown): value is Hidden {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const names = Object.keys(value)
  const why = names.find((name) => WHY.has(name))
  return why !== undefined && Reflect.get(value, why) === true && names.every((name) =>
    name === why || (why === 'erased' && BESIDE_ERASED.has(name)))
}
