import { latestOfEach } from '../../projections/entries/queries.ts'
import type { Tx } from '../../projections/projection.ts'
import { checkEvent } from '../../schemas/door.ts'
import type { EventInput } from '../../schemas/events/index.ts'
import { ACTION_SCHEMAS_MAX } from '../../schemas/http/schemas.ts'
import type { TenantSettings } from '../../schemas/tenant.ts'
import type { ActionSchema } from '../../schemas/vocabulary/action-schema.ts'
import { declarePersonal, misfits } from '../../schemas/vocabulary/apply.ts'
import { CATALOGUE } from '../../schemas/vocabulary/catalogue.ts'
import { LedgerError } from '../errors.ts'
import type { Pool } from '../postgres/pool.ts'
import { inTenant } from '../postgres/transaction.ts'
import type { Taken } from './intake.ts'
import { notBuiltYet, openReading } from './reading.ts'

/** The type of the entities that actions are to the ledger. */
export const SCHEMA_ENTITY = 'ledger_schema'

/** An action's schema as a tenant registered it last. */
export interface Registered {
  /** 1 for the first: the revision of its event, counted from one. */
  version: number
  registeredAt: string
  schema: ActionSchema
}

/** What a tenant registered, by action. */
export type Vocabulary = ReadonlyMap<string, Registered>

/** What a tenant registered, and what its settings say of events that are not so. */
export interface Words {
  known: Vocabulary
  mode: TenantSettings['schemas']
}

interface SchemaEvent {
  revision: string
  recordedAt: string
  entity: { id: string }
  after: ActionSchema
}

/** A tenant's registered actions, as its own events of that kind say. */
export async function readVocabulary (pool: Pool, tenant: string): Promise<Vocabulary> {
  try {
    return await inTenant(pool, tenant, async (tx) => {
      await openReading(tx)
      return await registeredIn(tx)
    })
  } catch (err) {
    // Before the first worker there are no events, so nothing is registered either.
    if (notBuiltYet(err)) return new Map()
    throw err
  }
}

/** The same where the read models are open already. */
export async function registeredIn (tx: Tx): Promise<Vocabulary> {
  const rows = await latestOfEach(tx, SCHEMA_ENTITY, ACTION_SCHEMAS_MAX)
  return new Map(rows.map(({ body }) => {
    const event: SchemaEvent = JSON.parse(`{${body}}`)
    const { revision, recordedAt, entity, after: schema } = event
    return [entity.id, { version: Number(revision) + 1, registeredAt: recordedAt, schema }]
  }))
}

/** The template that says an action in one line: the tenant's, or the starter catalogue's. */
export function templateOf (vocabulary: Vocabulary, action: string): string | undefined {
  return vocabulary.get(action)?.schema.template ?? CATALOGUE.get(action)?.template
}

/**
 * What a tenant's vocabulary makes of an event at the door. What is registered as personal is
 * always declared: in the log it would stay in clear for good. The settings say what is refused.
 */
export function applyVocabulary ({ known, mode = 'off' }: Words, taken: Taken): Taken {
  if (!taken.ok) return taken
  const { action } = taken.event
  const registered = known.get(action)
  if (registered === undefined) {
    return mode === 'required' && !CATALOGUE.has(action) ? unregistered() : taken
  }
  const wrong = mode === 'off' ? [] : misfits(registered.schema, taken.event)
  return wrong.length > 0 ? refused(wrong) : withPersonal(registered.schema, mode, taken.event)
}

/** A correction with what the action that it corrects says is personal; its data are its own. */
export function applyToCorrection (
  { known, mode = 'off' }: Words, correction: EventInput,
  corrected: { action: string, event: object }
): Taken {
  const registered = known.get(corrected.action)
  if (registered === undefined) return { ok: true, event: correction }
  return withPersonal(registered.schema, mode, correction, corrected.event)
}

function withPersonal (
  { personal }: ActionSchema, mode: NonNullable<TenantSettings['schemas']>,
  event: EventInput, corrected?: object
): Taken {
  const declared = declarePersonal(personal, event, corrected)
  if (mode !== 'off' && declared.unowned.length > 0) return refused(declared.unowned)
  if (declared.event === event) return { ok: true, event }
  const faults = checkEvent(declared.event)
  return faults.length > 0 ? refused(faults) : { ok: true, event: declared.event }
}

function unregistered (): Taken {
  return refused([{ pointer: '/action', detail: 'is not registered: PUT /v1/schemas/{action}' }])
}

function refused (violations: Array<{ pointer: string, detail: string }>): Taken {
  const [first] = violations
  const said = `${first?.pointer} ${first?.detail}`
  return { ok: false, error: new LedgerError('INVALID_EVENT', said, { violations }) }
}
