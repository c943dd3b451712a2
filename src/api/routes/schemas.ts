import { Value } from '@sinclair/typebox/value'
import { NoQuery } from '../../../schemas/http/events.ts'
import {
  ACTION_SCHEMAS_MAX, RegisteredSchema, RegisterSchema, SchemaList, SchemaParams
} from '../../../schemas/http/schemas.ts'
import { RESERVED_ACTION_PREFIX } from '../../../schemas/primitives.ts'
import { actionSchemaFaults, type ActionSchema } from
  '../../../schemas/vocabulary/action-schema.ts'
import { CATALOGUE } from '../../../schemas/vocabulary/catalogue.ts'
import { narrowings } from '../../../schemas/vocabulary/narrowings.ts'
import { LedgerError } from '../../errors.ts'
import { callerOf, tenantOf } from '../auth.ts'
import { AT_LEAST_WAIT_MS } from '../consistency.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { schemaEvent } from '../own-events.ts'
import type { Services } from '../services.ts'
import { refusal } from '../validator.ts'
import { readVocabulary, type Registered } from '../vocabulary.ts'

const tags = ['vocabulary']

/** Registers what an action's events look like, are called, and hold of persons. */
export const registerSchema = (services: Services): Endpoint => endpoint({
  summary: 'Register an action',
  description: 'A new version must take what the one before took, unless it says breaking. ' +
    'Whether events must fit is the tenant\'s setting schemas. Every version is an event of the ' +
    'entity ledger_schema:{action}. Other processes follow within five seconds.',
  operationId: 'registerSchema',
  tags,
  params: SchemaParams,
  querystring: NoQuery,
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
  const known = await readVocabulary(services.pool, tenant)
  const before = known.get(action)
  if (before !== undefined && Value.Equal(before.schema, schema)) return viewOf(action, before)
  if (before === undefined && known.size >= ACTION_SCHEMAS_MAX) {
    throw new LedgerError('INVALID_REQUEST', `A tenant registers ${ACTION_SCHEMAS_MAX} actions`)
  }
  if (before !== undefined && !breaking) requireWider(before.schema, schema)
  const states = { ...before !== undefined && { before: before.schema }, after: schema }
  const [receipt] = await services.ledger.recordOwn(
    tenant, [schemaEvent(action, states, breaking, caller)])
  if (receipt === undefined) throw new LedgerError('INTERNAL', 'no receipt of an event')
  await services.progress.reached(receipt.position, AT_LEAST_WAIT_MS)
  services.vocabulary.forget(tenant)
  const version = Number(receipt.revision) + 1
  return await reply.code(before === undefined ? 201 : 200)
    .send(viewOf(action, { version, registeredAt: receipt.recordedAt, schema }))
})

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
  const narrower = narrowings(before.data ?? {}, after.data ?? {}, '/data')
  if (before.category !== after.category) {
    narrower.unshift({ pointer: '/category', detail: `was ${before.category} before` })
  }
  if (narrower.length === 0) return
  throw new LedgerError('INVALID_REQUEST',
    'It would refuse events that the version before took: say breaking if that is meant', {
      violations: narrower
    })
}
