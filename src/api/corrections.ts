import { listTrail } from '../../projections/entity-trails/queries.ts'
import type { EventRow } from '../../projections/entries/queries.ts'
import type { Tx } from '../../projections/projection.ts'
import { checkEvent, checkEventBytes } from '../../schemas/door.ts'
import type { EventInput } from '../../schemas/events/index.ts'
import { CORRECTIONS_SHOWN, type CorrectionInput } from '../../schemas/http/corrections.ts'
import type { CorrectedBy, EventView } from '../../schemas/http/events.ts'
import { getAt } from '../../schemas/pointer.ts'
import { RESERVED_ENTITY_TYPE_PREFIX, type EntityRef } from '../../schemas/primitives.ts'
import { LedgerError } from '../errors.ts'
import { refusal } from './validator.ts'
import { applyToCorrection, type Words } from './vocabulary.ts'

/** As what a corrected event stands among the related entities of its correction. */
const CORRECTED_TYPE = 'ledger_event'
/** What the actions of corrections begin with. */
const CORRECTION = 'correction.'

/**
 * The event that corrects another, as its opened view shows that: an ordinary event, evidence of
 * who sent it. It happens to the same entity, and names the corrected event as related, which no
 * producer can do otherwise; by that it is found. Throws INVALID_REQUEST, INVALID_EVENT,
 * EVENT_TOO_LARGE, and ERASED when nobody can say any more whom it happened to.
 */
export function correctionEvent (
  input: CorrectionInput, original: EventView, words: Words
): EventInput {
  const { corrects, kind, reason, data, outcome, ...said } = input
  if (original.entity?.type.startsWith(RESERVED_ENTITY_TYPE_PREFIX) === true) {
    throw refusal([{ pointer: '/corrects', detail: 'is the ledger\'s own event' }])
  }
  if (kind === 'annotates') refuseStates(input)
  const event: EventInput = {
    ...said,
    action: CORRECTION + (kind === 'supersedes' ? 'superseded' : 'annotated'),
    category: kind === 'supersedes' ? categoryOf(original) : 'action',
    outcome: outcome ?? original.outcome,
    ...(original.entity !== undefined && { entity: entityRef(original.entity) }),
    related: relatedOf(original),
    data: { ...data, correction: { corrects, kind, reason, action: correctedAction(original) } },
    causationId: corrects
  }
  requireFit(event)
  const corrected = { action: correctedAction(original), event: original }
  const taken = applyToCorrection(words, event, corrected)
  if (!taken.ok) throw taken.error
  const named = { type: CORRECTED_TYPE, id: corrects }
  return { ...taken.event, related: [...relatedOf(original), named] }
}

/** The action that an event is about: of a correction the one that it corrects in the end. */
function correctedAction ({ action, data }: EventView): string {
  const said = action.startsWith(CORRECTION) ? getAt(data, '/correction/action') : undefined
  return typeof said === 'string' ? said : action
}

/**
 * What an entity or task is like, its changes say, and so does what supersedes one. All other
 * categories say what somebody did: the corrector has not signed in, failed to, or read anything.
 */
function categoryOf ({ category }: EventView): EventInput['category'] {
  return category === 'change' || category === 'task' ? category : 'action'
}

/** The events that correct this one, the newest first, CORRECTIONS_SHOWN at most. */
export async function correctionsOf (tx: Tx, id: string): Promise<EventRow[]> {
  const corrected = { type: CORRECTED_TYPE, key: id }
  return await listTrail(tx, corrected, {}, { limit: CORRECTIONS_SHOWN })
}

/** What is said of a correction beside the event that it corrects. */
export function correctedBy (correction: EventView): CorrectedBy {
  const { id, action, actor, source, recordedAt, data } = correction
  const kind = action === 'correction.superseded' ? 'supersedes' : 'annotates'
  return { id, kind, reason: reasonOf(data), actor, source, recordedAt }
}

/** The data may be hidden from the reader, and then so is the reason. */
function reasonOf (data: unknown): unknown {
  return getAt(data, '/correction/reason') ?? data ?? null
}

function refuseStates (input: CorrectionInput): void {
  const states = ['before', 'after', 'changes'] as const
  const given = states.filter((name) => input[name] !== undefined)
  if (given.length === 0) return
  throw refusal(given.map((name) => ({
    pointer: `/${name}`, detail: 'goes with supersedes: an annotation changes no state'
  })))
}

function requireFit (event: EventInput): void {
  const tooLong = checkEventBytes(Buffer.byteLength(JSON.stringify(event)))
  const [code, violations] = tooLong.length > 0
    ? ['EVENT_TOO_LARGE', tooLong] as const
    : ['INVALID_EVENT', checkEvent(event)] as const
  const [first] = violations
  if (first === undefined) return
  throw new LedgerError(code, `${first.pointer} ${first.detail}`, { violations })
}

/** The others stay as they are; who was erased, and what an earlier correction corrected, go. */
function relatedOf ({ related = [] }: EventView): EntityRef[] {
  return related
    .filter(({ type, id }) => id !== undefined && !type.startsWith(RESERVED_ENTITY_TYPE_PREFIX))
    .map(entityRef)
}

function entityRef ({ type, id, name }: NonNullable<EventView['entity']>): EntityRef {
  if (id === undefined) throw new LedgerError('ERASED', 'Whom the event happened to was erased')
  return { type, id, ...(name !== undefined && { name }) }
}
