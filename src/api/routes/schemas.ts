import { Value } from '@sinclair/typebox/value'
import type { EventInput } from '../../../schemas/events/index.ts'
import { LEDGER_SOURCE } from '../../../schemas/events/ledger.ts'
import { NoQuery } from '../../../schemas/http/events.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import {
  ACTION_SCHEMAS_MAX, RegisteredSchema, RegisterSchema, SchemaList, SchemaParams
} from '../../../schemas/http/schemas.ts'
import { RESERVED_ACTION_PREFIX } from '../../../schemas/primitives.ts'
import { actionSchemaFaults, type ActionSchema } from
  '../../../schemas/vocabulary/action-schema.ts'
import { CATALOGUE } from '../../../schemas/vocabulary/catalogue.ts'
import { narrowings, personalNarrowings } from '../../../schemas/vocabulary/narrowings.ts'
import { isLedgerError, LedgerError } from '../../errors.ts'
import { idFromKey } from '../../ledger/ids.ts'
import type { Receipt } from '../../ledger/receipt.ts'
import { callerOf, tenantOf } from '../auth.ts'
import { AT_LEAST_WAIT_MS } from '../consistency.ts'
import { readCurrent } from '../current.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { schemaEvent } from '../own-events.ts'
import type { Services } from '../services.ts'
import { refusal } from '../validator.ts'
import { readVocabulary, registeredIn, type Registered } from '../vocabulary.ts'

const tags = ['vocabulary']

/** Registers what an action's events look like, are called, and hold of persons. */
export const registerSchema = (services: Services): Endpoint => endpoint({
  summary: 'Register an action',
  description: 'A new version must take what the one before took, unless it says breaking. ' +
    'Whether events must fit is the tenant\'s setting schemas. Every version is an event of the ' +
    'entity ledger_schema:{action}. What is personal is sealed whatever the setting. Other ' +
    'processes follow within five seconds.',
  operationId: 'registerSchema',
  tags,
  params: SchemaParams,
  querystring: NoQuery,
  headers: AtLeast,
  body: RegisterSchema,
  response: { 200: RegisteredSchema, 201: RegisteredSchema }
}, async (request, reply) => {
  const caller = callerOf(request)
  const tenant = tenantOf(caller)
  const { action } = request.params
  const { breaking = false, ...given } = request.body
  const faults = [...reservedAction(action), ...actionSchemaFaults(given)]
  if (faults.length > 0) throw refusal(faults)
  const schema = given as ActionSchema
  const known = await readCurrent(services, request, reply, registeredIn)
  const before = known.get(action)
  if (before !== undefined && Value.Equal(before.schema, schema)) return viewOf(action, before)
  if (before === undefined && known.size >= ACTION_SCHEMAS_MAX) {
    throw new LedgerError('INVALID_REQUEST', `A tenant registers ${ACTION_SCHEMAS_MAX} actions`)
  }
  if (before !== undefined && !breaking) requireWider(before.schema, schema)
  const states = { ...before !== undefined && { before: before.schema }, after: schema }
  const id = versionId(tenant, action, (before?.version ?? 0) + 1)
  const receipt = await recordVersion(
    services, tenant, { ...schemaEvent(action, states, breaking, caller), id })
  services.vocabulary.forget(tenant)
  const version = Number(receipt.revision) + 1
  return await reply.code(before === undefined ? 201 : 200)
    .send(viewOf(action, { version, registeredAt: receipt.recordedAt, schema }))
})

/** A version is recorded once, however many find the one before it at the same time. */
function versionId (tenant: string, action: string, version: number): string {
  return idFromKey(`version ${version} of ${action}`, 0, { tenant, source: LEDGER_SOURCE })
}

/** Returns when reads show it, as what is asked next is compared with what they show. */
async function recordVersion (
  { ledger, progress }: Services, tenant: string, event: EventInput
): Promise<Receipt> {
  const [receipt] = await ledger.recordOwn(tenant, [event]).catch((cause: unknown) => {
    if (!isLedgerError(cause, 'ID_REUSED')) throw cause
    throw new LedgerError('STREAM_CONFLICT', 'Another version came first: look at it', { cause })
  })
  if (receipt === undefined) throw new LedgerError('INTERNAL', 'no receipt of an event')
  if (await progress.reached(receipt.position, AT_LEAST_WAIT_MS)) return receipt
  throw new LedgerError('LAGGING', 'It is recorded, and reads do not show it yet: ask again', {
    retryAfterS: 1, extra: { asked: String(receipt.position) }
  })
}

/** What an action looks like: as registered, or as the starter catalogue has it. */
export const oneSchema = (services: Services): Endpoint => endpoint({
  summary: 'Read what an action looks like',
  operationId: 'readSchema',
  tags,
  params: SchemaParams,
  querystring: NoQuery,
  response: { 200: RegisteredSchema }
}, async (request) => {
  const { action } = request.params
  const known = await readVocabulary(services.pool, tenantOf(callerOf(request)))
  const registered = known.get(action) ?? startOf(CATALOGUE.get(action))
  if (registered === undefined) throw new LedgerError('NOT_FOUND', 'There is no such action')
  return viewOf(action, registered)
})

/** Every action that is known: the tenant's own, and those of the starter catalogue. */
export const listSchemas = (services: Services): Endpoint => endpoint({
  summary: 'List the actions that are known',
  description: 'By name. Version 0 is of the starter catalogue: it gives lines, refuses nothing.',
  operationId: 'listSchemas',
  tags,
  querystring: NoQuery,
  response: { 200: SchemaList }
}, async (request) => {
  const known = await readVocabulary(services.pool, tenantOf(callerOf(request)))
  const started = [...CATALOGUE].filter(([action]) => !known.has(action))
    .map(([action, schema]) => viewOf(action, { version: 0, registeredAt: null, schema }))
  const own = [...known].map(([action, registered]) => viewOf(action, registered))
  return { items: [...own, ...started].sort((one, other) => one.action < other.action ? -1 : 1) }
})

type Shown = Omit<Registered, 'registeredAt'> & { registeredAt: string | null }

function startOf (schema: ActionSchema | undefined): Shown | undefined {
  return schema && { version: 0, registeredAt: null, schema }
}

function viewOf (action: string, { version, registeredAt, schema }: Shown): RegisteredSchema {
  const { data, ...more } = schema
  return { action, version, registeredAt, ...more, ...data !== undefined && { data: { ...data } } }
}

function reservedAction (action: string): Array<{ pointer: string, detail: string }> {
  if (!action.startsWith(RESERVED_ACTION_PREFIX)) return []
  return [{ pointer: 'action', detail: 'is the ledger\'s own' }]
}

function requireWider (before: ActionSchema, after: ActionSchema): void {
  const narrower = [
    ...narrowings(before.data ?? {}, after.data ?? {}, '/data'),
    ...personalNarrowings(before.personal, after.personal)
  ]
  if (before.category !== after.category) {
    narrower.unshift({ pointer: '/category', detail: `was ${before.category} before` })
  }
  if (narrower.length === 0) return
  throw new LedgerError('INVALID_REQUEST',
    'It would refuse, or leave unsealed, what the version before did not: say breaking if that ' +
    'is meant', {
      violations: narrower
    })
}
