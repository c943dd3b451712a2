import { uuidv7 } from 'uuidv7'
import { ROTATION_OVERLAP_S } from '../../../schemas/http/api-keys.ts'
import {
  CreateWebhook, NewWebhook, PatchWebhook, RotateWebhook, WebhookList, WebhookParams, WebhooksQuery,
  WebhookTested, WebhookView
} from '../../../schemas/http/webhooks.ts'
import { LedgerError } from '../../errors.ts'
import { targetFault } from '../../webhooks/address.ts'
import { testMessage } from '../../webhooks/message.ts'
import { createSender } from '../../webhooks/send.ts'
import { secretText } from '../../webhooks/sign.ts'
import { administer } from '../administration.ts'
import { callerOf, type Caller } from '../auth.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import type { Services } from '../services.ts'
import { refusal } from '../validator.ts'
import { webhookEvent } from '../webhook-events.ts'
import {
  deleteWebhook as removeWebhook, findWebhook, insertWebhook, listWebhooks as readWebhooks,
  lockWebhook, replaceSecret, signingSecrets, updateWebhook, type WebhookRecord
} from '../webhook-store.ts'

const tags = ['admin']

/** Makes a webhook and shows its secret, this once. */
export const createWebhook = (services: Services): Endpoint => endpoint({
  summary: 'Create a webhook',
  description: 'Events that pass the filter are sent to the URL as Standard Webhooks 1.0.0 says: ' +
    'one a message, in order, at least once, the same webhook-id at every attempt. A message ' +
    'holds what lists filter by and a link: nothing personal, and no data.',
  operationId: 'createWebhook',
  tags,
  body: CreateWebhook,
  response: { 201: NewWebhook }
}, async (request, reply) => {
  const caller = callerOf(request)
  const { url, filter = {}, enabled = true, after } = request.body
  const tenant = tenantMeant(caller, request.body.tenant, '/tenant')
  requireTarget(services, url)
  const position = after === undefined ? await headOf(services) : BigInt(after)
  const { secrets } = services.webhooks
  const { id: secretId, secret } = await secrets.make()
  const made = { id: uuidv7(), tenant, url, filter, enabled, position, secret: secretId }
  try {
    const hook = await administer(services, caller, async ({ tx, record }) => {
      const hook = await insertWebhook(tx, made)
      await record(tenant, [webhookEvent('created', { after: hook }, caller)])
      return hook
    })
    reply.header('location', `/v1/webhooks/${hook.id}`)
    return await reply.code(201).send({ ...viewOf(hook), secret: secretText(secret) })
  } catch (err) {
    if (err instanceof LedgerError) await secrets.drop([secretId])
    throw err
  }
})

/** A tenant's webhooks with how far each is. */
export const listWebhooks = (services: Services): Endpoint => endpoint({
  summary: 'List webhooks',
  operationId: 'listWebhooks',
  tags,
  querystring: WebhooksQuery,
  response: { 200: WebhookList }
}, async (request) => {
  const caller = callerOf(request)
  const tenant = tenantMeant(caller, request.query.tenant, 'tenant')
  const hooks = await administer(services, caller, async ({ tx }) => {
    return await readWebhooks(tx, tenant)
  })
  return { items: hooks.map(viewOf) }
})

/** One webhook and how far it is. */
export const oneWebhook = (services: Services): Endpoint => endpoint({
  summary: 'Read a webhook',
  operationId: 'readWebhook',
  tags,
  params: WebhookParams,
  response: { 200: WebhookView }
}, async (request) => {
  const { id } = request.params
  return viewOf(await administer(services, callerOf(request), async ({ tx }) => {
    return await findWebhook(tx, id)
  }))
})

/** Changes where, what or whether; also brings back one that was disabled. */
export const changeWebhook = (services: Services): Endpoint => endpoint({
  summary: 'Change a webhook',
  description: 'What failed before is tried again at once; one that was disabled goes on where ' +
    'it was, or after the position that is given.',
  operationId: 'changeWebhook',
  tags,
  params: WebhookParams,
  body: PatchWebhook,
  response: { 200: WebhookView }
}, async (request) => {
  const caller = callerOf(request)
  const { url } = request.body
  if (url !== undefined) requireTarget(services, url)
  return viewOf(await administer(services, caller, async ({ tx, record }) => {
    const before = await lockWebhook(tx, request.params.id)
    const after = await updateWebhook(tx, before.id, request.body)
    await record(after.tenant, [webhookEvent('updated', { before, after }, caller)])
    return after
  }))
})

/** Ends a webhook and forgets its secrets. */
export const deleteWebhook = (services: Services): Endpoint => endpoint({
  summary: 'Delete a webhook',
  operationId: 'deleteWebhook',
  tags,
  params: WebhookParams,
  response: { 200: WebhookView }
}, async (request) => {
  const caller = callerOf(request)
  const hook = await administer(services, caller, async ({ tx, record }) => {
    const hook = await removeWebhook(tx, request.params.id)
    await record(hook.tenant, [webhookEvent('deleted', { before: hook }, caller)])
    return hook
  })
  await services.webhooks.secrets.drop(secretsOf(hook))
  return viewOf(hook)
})

/** A new secret; the old one signs beside it for a while. */
export const rotateWebhook = (services: Services): Endpoint => endpoint({
  summary: 'Rotate the secret of a webhook',
  description: 'Both secrets sign until the overlap is over; the answer alone holds the new one.',
  operationId: 'rotateWebhook',
  tags,
  params: WebhookParams,
  body: RotateWebhook,
  response: { 200: NewWebhook }
}, async (request) => {
  const caller = callerOf(request)
  const { overlapSeconds = ROTATION_OVERLAP_S } = request.body
  const until = new Date(services.now() + overlapSeconds * 1_000)
  const { secrets } = services.webhooks
  const { id: secretId, secret } = await secrets.make()
  const [before, after] = await administer(services, caller, async ({ tx, record }) => {
    const before = await lockWebhook(tx, request.params.id)
    const after = await replaceSecret(tx, before.id, { secret: secretId, until })
    await record(after.tenant, [webhookEvent('rotated', { before, after }, caller)])
    return [before, after] as const
  }).catch(async (err: unknown) => {
    if (err instanceof LedgerError) await secrets.drop([secretId])
    throw err
  })
  if (before.previousSecret !== null) await secrets.drop([before.previousSecret])
  return { ...viewOf(after), secret: secretText(secret) }
})

/** Sends a message that says nothing, now, and tells what came of it. */
export const testWebhook = (services: Services): Endpoint => endpoint({
  summary: 'Test a webhook',
  description: 'One signed message of type ledger.webhook_test, also to one that is disabled.',
  operationId: 'testWebhook',
  tags,
  params: WebhookParams,
  response: { 200: WebhookTested }
}, async (request) => {
  const { id } = request.params
  const { webhooks, now } = services
  const hook = await administer(services, callerOf(request), async ({ tx }) => {
    return await findWebhook(tx, id)
  })
  const secrets = await webhooks.secrets.open(signingSecrets(hook, now()))
  const sender = createSender({ ...webhooks, url: hook.url, secrets, now })
  const startedAt = performance.now()
  try {
    const message = testMessage(hook, uuidv7(), new Date(now()))
    const attempt = await sender.send(message, new AbortController().signal)
    return {
      delivered: attempt.delivered,
      status: attempt.status ?? null,
      error: attempt.error ?? null,
      durationMs: Math.round(performance.now() - startedAt)
    }
  } finally {
    sender.close()
  }
})

/** A tenant's administrator means that tenant; another one does not exist for it. */
function tenantMeant (caller: Caller, given: string | undefined, pointer: string): string {
  const tenant = given ?? caller.tenant
  if (tenant === undefined) {
    throw refusal([{ pointer, detail: 'is needed with a key of the server' }])
  }
  if (caller.tenant === undefined || caller.tenant === tenant) return tenant
  throw new LedgerError('NOT_FOUND', 'There is no such tenant')
}

function requireTarget ({ webhooks: { allowLoopback } }: Services, url: string): void {
  const detail = targetFault(url, allowLoopback)
  if (detail !== undefined) throw refusal([{ pointer: '/url', detail }])
}

async function headOf ({ log }: Services): Promise<bigint> {
  return (await log.head())?.commit ?? 0n
}

function secretsOf ({ secret, previousSecret }: WebhookRecord): string[] {
  return previousSecret === null ? [secret] : [secret, previousSecret]
}

function viewOf (hook: WebhookRecord): WebhookView {
  const { id, tenant, url, filter, enabled, failures } = hook
  return {
    id,
    tenant,
    url,
    filter,
    enabled,
    state: enabled ? (failures > 0 ? 'failing' : 'delivering') : 'disabled',
    createdAt: hook.createdAt.toISOString(),
    updatedAt: hook.updatedAt.toISOString(),
    position: String(hook.position),
    lastDeliveredPosition: hook.deliveredPosition === null ? null : String(hook.deliveredPosition),
    lastDeliveredAt: hook.deliveredAt?.toISOString() ?? null,
    failingSince: hook.failingSince?.toISOString() ?? null,
    failures,
    nextAttemptAt: hook.nextAttemptAt?.toISOString() ?? null,
    lastError: hook.lastError,
    disabledReason: hook.disabledReason
  }
}
