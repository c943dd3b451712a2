import {
  ApiKeyList, ApiKeyParams, ApiKeysQuery, CreateApiKey, NewApiKey, ROTATION_OVERLAP_S, RotateApiKey,
  ApiKey
} from '../../../schemas/http/api-keys.ts'
import type { SubjectRef } from '../../../schemas/primitives.ts'
import { LedgerError } from '../../errors.ts'
import { subjectKey } from '../../privacy/personal.ts'
import { administer, endKey, issueKey, replaceKey, type IssuedKey } from '../administration.ts'
import { callerOf, type Caller } from '../auth.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { listKeys as readKeys, type KeyRecord } from '../key-store.ts'
import type { Services } from '../services.ts'
import { readTenant } from '../tenant-store.ts'
import { refusal } from '../validator.ts'

const tags = ['admin']

/** Makes a key and shows its secret, this once. */
export const createKey = (services: Services): Endpoint => endpoint({
  summary: 'Create an API key',
  description: 'The answer is the only place where the secret is ever shown.',
  operationId: 'createApiKey',
  tags,
  body: CreateApiKey,
  response: { 201: NewApiKey }
}, async (request, reply) => {
  const caller = callerOf(request)
  const { name, roles, subject, expiresAt } = request.body
  const tenant = tenantMeant(caller, request.body.tenant)
  if (expiresAt !== undefined && Date.parse(expiresAt) <= services.now()) {
    throw refusal([{ pointer: '/expiresAt', detail: 'has passed' }])
  }
  const issued = await administer(services, caller, async (admin) => {
    if (tenant !== null) await readTenant(admin.tx, tenant)
    const subjectRef = subject === undefined ? null : await refOf(services, tenant, subject)
    const ends = expiresAt === undefined ? null : new Date(expiresAt)
    return await issueKey(admin, { tenant, name, roles, subjectRef, expiresAt: ends })
  })
  return await reply.code(201).send(withSecret(issued))
})

/** Keys without their secrets, revoked ones too. */
export const listKeys = (services: Services): Endpoint => endpoint({
  summary: 'List API keys',
  description: 'The newest 1,000. Without a tenant, a key of the server sees those of the server.',
  operationId: 'listApiKeys',
  tags,
  querystring: ApiKeysQuery,
  response: { 200: ApiKeyList }
}, async (request) => {
  const caller = callerOf(request)
  const tenant = tenantMeant(caller, request.query.tenant)
  const keys = await administer(services, caller, async ({ tx }) => await readKeys(tx, tenant))
  return { items: keys.map(viewOf) }
})

/** A new secret under the same name; the old key keeps working for a while. */
export const rotateKey = (services: Services): Endpoint => endpoint({
  summary: 'Rotate an API key',
  description: 'Makes a new key of the same name and roles; the old one ends after the overlap.',
  operationId: 'rotateApiKey',
  tags,
  params: ApiKeyParams,
  body: RotateApiKey,
  response: { 201: NewApiKey }
}, async (request, reply) => {
  const { id } = request.params
  const { overlapSeconds = ROTATION_OVERLAP_S } = request.body
  const endsAt = new Date(services.now() + overlapSeconds * 1_000)
  const issued = await administer(services, callerOf(request), async (admin) => {
    return await replaceKey(admin, id, endsAt)
  })
  services.auth.forget(id)
  return await reply.code(201).send(withSecret(issued))
})

/** Ends a key; other processes notice within five seconds. */
export const revokeKey = (services: Services): Endpoint => endpoint({
  summary: 'Revoke an API key',
  description: 'Refused at once here, within five seconds by other processes of the same ledger.',
  operationId: 'revokeApiKey',
  tags,
  params: ApiKeyParams,
  response: { 200: ApiKey }
}, async (request) => {
  const { id } = request.params
  const key = await administer(services, callerOf(request), async (admin) => {
    return await endKey(admin, id)
  })
  services.auth.forget(id)
  return viewOf(key)
})

/** A tenant's administrator means that tenant; another one does not exist for it. */
function tenantMeant (caller: Caller, given: string | null | undefined): string | null {
  if (caller.tenant === undefined) return given ?? null
  if (given === undefined || given === caller.tenant) return caller.tenant
  throw new LedgerError('NOT_FOUND', 'There is no such tenant')
}

async function refOf (
  { vault }: Services, tenant: string | null, subject: SubjectRef
): Promise<string> {
  if (tenant === null) throw refusal([{ pointer: '/subject', detail: 'needs a tenant' }])
  const keys = await vault.provision(tenant, [subject])
  const ref = keys.get(subjectKey(subject))?.ref
  if (ref === undefined) throw new LedgerError('INTERNAL', 'the vault gave no ref')
  return ref
}

function withSecret ({ key, text }: IssuedKey): NewApiKey {
  return { ...viewOf(key), secret: text }
}

function viewOf (key: KeyRecord): ApiKey {
  const { id, tenant, name, roles } = key
  return {
    id,
    tenant,
    name,
    roles,
    createdAt: key.createdAt.toISOString(),
    expiresAt: key.expiresAt?.toISOString() ?? null,
    revokedAt: key.revokedAt?.toISOString() ?? null,
    lastUsedAt: key.lastUsedAt?.toISOString() ?? null
  }
}
