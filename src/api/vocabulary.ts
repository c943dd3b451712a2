import { latestOfEach } from '../../projections/entries/queries.ts'
import { checkEvent } from '../../schemas/door.ts'
import { ACTION_SCHEMAS_MAX } from '../../schemas/http/schemas.ts'
import type { TenantSettings } from '../../schemas/tenant.ts'
import type { ActionSchema } from '../../schemas/vocabulary/action-schema.ts'
import { applySchema } from '../../schemas/vocabulary/apply.ts'
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

interface SchemaEvent {
  revision: string
  recordedAt: string
  entity: { id: string }
  after: ActionSchema
}

/** A tenant's registered actions, as its own events of that kind say. */
export async function readVocabulary (pool: Pool, tenant: string): Promise<Vocabulary> {
  try {
    const rows = await inTenant(pool, tenant, async (tx) => {
      await openReading(tx)
      return await latestOfEach(tx, SCHEMA_ENTITY, ACTION_SCHEMAS_MAX)
    })
    return new Map(rows.map(({ body }) => {
      const event: SchemaEvent = JSON.parse(`{${body}}`)
      const { revision, recordedAt, entity, after: schema } = event
      return [entity.id, { version: Number(revision) + 1, registeredAt: recordedAt, schema }]
    }))
  } catch (err) {
    // Before the first worker there are no events, so nothing is registered either.
    if (notBuiltYet(err)) return new Map()
    throw err
  }
}

/** The template that says an action in one line: the tenant's, or the starter catalogue's. */
export function templateOf (vocabulary: Vocabulary, action: string): string | undefined {
  return vocabulary.get(action)?.schema.template ?? CATALOGUE.get(action)?.template
}

/** What the tenant's settings make of an event at the door. */
export function applyVocabulary (
  vocabulary: Vocabulary, mode: TenantSettings['schemas'], taken: Taken
): Taken {
  if (!taken.ok) return taken
  const registered = vocabulary.get(taken.event.action)
  if (registered === undefined) return mode === 'required' ? unregistered() : taken
  const applied = applySchema(registered.schema, taken.event)
  if (!applied.ok) return refused(applied.violations)
  if (applied.event === taken.event) return taken
  const faults = checkEvent(applied.event)
  return faults.length > 0 ? refused(faults) : { ...taken, event: applied.event }
}

function unregistered (): Taken {
  return refused([{ pointer: '/action', detail: 'is not registered: PUT /v1/schemas/{action}' }])
}

function refused (violations: Array<{ pointer: string, detail: string }>): Taken {
  const [first] = violations
  const said = `${first?.pointer} ${first?.detail}`
  return { ok: false, error: new LedgerError('INVALID_EVENT', said, { violations }) }
}
