import { SERVER_TENANT } from '../../../schemas/primitives.ts'
import {
  CreateTenant, PatchTenant, TenantList, TenantParams, TenantView
} from '../../../schemas/http/tenants.ts'
import { administer } from '../administration.ts'
import { callerOf } from '../auth.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { tenantEvent } from '../own-events.ts'
import type { Services } from '../services.ts'
import {
  insertTenant, mergeSettings, readTenant, readTenants, type TenantRecord
} from '../tenant-store.ts'
import { LedgerError } from '../../errors.ts'
import { refusal } from '../validator.ts'

const tags = ['admin']

/** Makes a tenant; for administrators of the server. */
export const createTenant = (services: Services): Endpoint => endpoint({
  summary: 'Create a tenant',
  description: 'For keys of the server.',
  operationId: 'createTenant',
  tags,
  body: CreateTenant,
  response: { 201: TenantView }
}, async (request, reply) => {
  const caller = callerOf(request)
  const { id, settings = {} } = request.body
  if (caller.tenant !== undefined) {
    throw new LedgerError('FORBIDDEN', 'Tenants are made with a key of the server')
  }
  if (id === SERVER_TENANT) throw refusal([{ pointer: '/id', detail: 'is the ledger\'s own' }])
  const tenant = await administer(services, caller, async ({ tx, record }) => {
    const made = await insertTenant(tx, id, settings)
    await record(id, [tenantEvent(id, { after: made.settings }, caller)])
    return made
  })
  return await reply.code(201).header('location', `/v1/tenants/${id}`).send(viewOf(tenant))
})

/** The tenants that the administrator may see: the key's own, or all. */
export const listTenants = (services: Services): Endpoint => endpoint({
  summary: 'List tenants',
  description: 'A key of a tenant sees that tenant alone.',
  operationId: 'listTenants',
  tags,
  response: { 200: TenantList }
}, async (request) => {
  const tenants = await administer(services, callerOf(request), async ({ tx }) => {
    return await readTenants(tx)
  })
  return { items: tenants.map(viewOf) }
})

/** One tenant with its settings. */
export const oneTenant = (services: Services): Endpoint => endpoint({
  summary: 'Read a tenant',
  operationId: 'readTenant',
  tags,
  params: TenantParams,
  response: { 200: TenantView }
}, async (request) => {
  const { tenant } = request.params
  return viewOf(await administer(services, callerOf(request), async ({ tx }) => {
    return await readTenant(tx, tenant)
  }))
})

/** Changes settings; both states are recorded. */
export const changeTenant = (services: Services): Endpoint => endpoint({
  summary: 'Change the settings of a tenant',
  description: 'Members that are given replace those that are there.',
  operationId: 'changeTenant',
  tags,
  params: TenantParams,
  body: PatchTenant,
  response: { 200: TenantView }
}, async (request) => {
  const caller = callerOf(request)
  const id = request.params.tenant
  const tenant = await administer(services, caller, async ({ tx, record }) => {
    const { before, after } = await mergeSettings(tx, id, request.body.settings)
    await record(id, [tenantEvent(id, { before: before.settings, after: after.settings }, caller)])
    return after
  })
  services.settings.forget(id)
  return viewOf(tenant)
})

function viewOf ({ id, settings, createdAt }: TenantRecord): TenantView {
  return { id, settings, createdAt: createdAt.toISOString() }
}
