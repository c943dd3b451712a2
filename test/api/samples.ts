import { randomUUID } from 'node:crypto'
import type { InjectOptions } from 'fastify'
import { event } from './service.ts'

/** What of acme is there to be asked for. */
export interface Made {
  receipt: { id: string, stream: string }
  own: { id: string }
  keyId: string
  erasure: { id: string }
  hold: { id: string }
  policy: { id: string }
  /** Ready to be downloaded. */
  exported: { id: string }
  webhook: { id: string }
}

/** A request, its status in acme, and what another tenant gets of the same. */
export interface Sample {
  request: InjectOptions
  status: number
  foreign: number
}

export const BASIS = { legalBasis: 'art. 17', reason: 'asked' }

/** Requests of the right form, where nothing but two events need be there. */
export function samplesOfEvents (
  { receipt, own }: Pick<Made, 'receipt' | 'own'>
): Record<string, Sample> {
  const nothing = { id: randomUUID() }
  return samplesOf({
    receipt,
    own,
    keyId: 'k',
    erasure: nothing,
    hold: nothing,
    policy: nothing,
    exported: nothing,
    webhook: nothing
  })
}

/** A request for every route that succeeds in acme, and what another tenant gets of the same. */
export function samplesOf (
  { receipt, own, keyId, erasure, hold, policy, exported, webhook }: Made
): Record<string, Sample> {
  return {
    'POST /v1/events': {
      request: {
        payload: event({ actor: { type: 'service', id: 's' }, entity: { type: 'x', id: '1' } })
      },
      status: 201,
      foreign: 201
    },
    'POST /v1/corrections': {
      request: {
        payload: {
          corrects: receipt.id, kind: 'annotates', reason: 'r', actor: { type: 'service', id: 's' }
        }
      },
      status: 201,
      foreign: 404
    },
    'GET /v1/events': { request: {}, status: 200, foreign: 200 },
    'GET /v1/events/stream': {
      request: { url: '/v1/events/stream?after=0&seconds=0' }, status: 200, foreign: 200
    },
    'GET /v1/events/:id': {
      request: { url: `/v1/events/${receipt.id}` }, status: 200, foreign: 404
    },
    'GET /v1/events/:id/raw': {
      request: { url: `/v1/events/${receipt.id}/raw` }, status: 200, foreign: 404
    },
    'GET /v1/events/:id/proof': {
      request: { url: `/v1/events/${receipt.id}/proof` }, status: 200, foreign: 404
    },
    'GET /v1/entities/:type/:id/proof': {
      request: { url: '/v1/entities/order/456/proof' }, status: 200, foreign: 404
    },
    'GET /v1/checkpoint': { request: {}, status: 200, foreign: 200 },
    'GET /v1/checkpoints': { request: {}, status: 200, foreign: 200 },
    'GET /v1/proofs/consistency': {
      request: { url: '/v1/proofs/consistency?from=1&to=1' }, status: 200, foreign: 200
    },
    'GET /v1/tile/*': { request: { url: '/v1/tile/0/000.p/1' }, status: 200, foreign: 200 },
    'GET /v1/events/:id/diff': {
      request: { url: `/v1/events/${receipt.id}/diff` }, status: 200, foreign: 404
    },
    'GET /v1/entities/:type/:id/blame': {
      request: { url: '/v1/entities/order/456/blame?at=0' }, status: 200, foreign: 404
    },
    'GET /v1/entities/:type/:id/events': {
      request: { url: '/v1/entities/order/456/events' }, status: 200, foreign: 200
    },
    'GET /v1/entities/:type/:id/state': {
      request: { url: '/v1/entities/order/456/state?at=0' }, status: 200, foreign: 404
    },
    'GET /v1/entities/:type/:id/diff': {
      request: { url: '/v1/entities/order/456/diff?from=0' }, status: 200, foreign: 404
    },
    'GET /v1/users/:id/events': {
      request: { url: '/v1/users/u-81/events' }, status: 200, foreign: 404
    },
    'GET /v1/users/:id/summary': {
      request: { url: '/v1/users/u-81/summary' }, status: 200, foreign: 404
    },
    'GET /v1/me/events': { request: {}, status: 200, foreign: 200 },
    'GET /v1/tasks': { request: {}, status: 200, foreign: 200 },
    'GET /v1/aggregations': {
      request: { url: '/v1/aggregations?groupBy=action' }, status: 200, foreign: 200
    },
    'GET /v1/sign-ins/failed': { request: {}, status: 200, foreign: 200 },
    'PUT /v1/schemas/:action': {
      request: { url: '/v1/schemas/thing.done', payload: { category: 'action' } },
      status: 201,
      foreign: 201
    },
    'GET /v1/schemas/:action': {
      request: { url: '/v1/schemas/share_transfer' }, status: 200, foreign: 200
    },
    'GET /v1/schemas': { request: {}, status: 200, foreign: 200 },
    'GET /v1/streams/:stream/events': {
      request: { url: `/v1/streams/${receipt.stream}/events` }, status: 200, foreign: 404
    },
    'GET /v1/replay': { request: {}, status: 200, foreign: 200 },
    'POST /v1/erasures': {
      request: { payload: { subject: { type: 'user', id: 'u-to-erase' }, ...BASIS } },
      status: 202,
      foreign: 404
    },
    'GET /v1/erasures': { request: {}, status: 200, foreign: 200 },
    'GET /v1/erasures/:id': {
      request: { url: `/v1/erasures/${erasure.id}` }, status: 200, foreign: 404
    },
    'POST /v1/erasures/:id/approve': {
      request: { url: `/v1/erasures/${erasure.id}/approve` }, status: 200, foreign: 404
    },
    'GET /v1/erasures/:id/certificate': {
      request: { url: `/v1/erasures/${erasure.id}/certificate` }, status: 200, foreign: 404
    },
    'POST /v1/holds': {
      request: { payload: { entity: { type: 'x', id: 'z' }, reason: 'case' } },
      status: 201,
      foreign: 201
    },
    'GET /v1/holds': { request: {}, status: 200, foreign: 200 },
    'POST /v1/holds/:id/release': {
      request: { url: `/v1/holds/${hold.id}/release` }, status: 200, foreign: 404
    },
    'GET /v1/subjects/:type/:id/report': {
      request: { url: '/v1/subjects/user/u-81/report' }, status: 200, foreign: 404
    },
    'POST /v1/retention-policies': {
      request: { payload: { category: 'api', age: { months: 12 }, reason: 'duty' } },
      status: 201,
      foreign: 201
    },
    'GET /v1/retention-policies': { request: {}, status: 200, foreign: 200 },
    'POST /v1/retention-policies/preview': {
      request: { payload: { age: { months: 12 } } }, status: 200, foreign: 200
    },
    'GET /v1/retention-policies/:id': {
      request: { url: `/v1/retention-policies/${policy.id}` }, status: 200, foreign: 404
    },
    'GET /v1/retention-policies/:id/preview': {
      request: { url: `/v1/retention-policies/${policy.id}/preview` }, status: 200, foreign: 404
    },
    'POST /v1/retention-policies/:id/revoke': {
      request: { url: `/v1/retention-policies/${policy.id}/revoke` }, status: 200, foreign: 404
    },
    'POST /v1/exports': { request: { payload: { format: 'csv' } }, status: 202, foreign: 202 },
    'GET /v1/exports': { request: {}, status: 200, foreign: 200 },
    'GET /v1/exports/:id': {
      request: { url: `/v1/exports/${exported.id}` }, status: 200, foreign: 404
    },
    'GET /v1/exports/:id/download': {
      request: { url: `/v1/exports/${exported.id}/download` }, status: 200, foreign: 404
    },
    'DELETE /v1/exports/:id': {
      request: { url: '/v1/exports/00000000-0000-4000-8000-000000000000' },
      status: 404,
      foreign: 404
    },
    'GET /v1/projections': { request: {}, status: 200, foreign: 200 },
    'POST /v1/tenants': {
      request: { payload: { id: 'made-by-server' } }, status: 201, foreign: 403
    },
    'GET /v1/tenants': { request: {}, status: 200, foreign: 200 },
    'GET /v1/tenants/:tenant': { request: { url: '/v1/tenants/acme' }, status: 200, foreign: 404 },
    'PATCH /v1/tenants/:tenant': {
      request: { url: '/v1/tenants/acme', payload: { settings: {} } }, status: 200, foreign: 404
    },
    'POST /v1/api-keys': {
      request: { payload: { name: 'k', roles: ['auditor'], tenant: 'acme' } },
      status: 201,
      foreign: 404
    },
    'GET /v1/api-keys': { request: { url: '/v1/api-keys?tenant=acme' }, status: 200, foreign: 404 },
    'POST /v1/api-keys/:id/rotate': {
      request: { url: `/v1/api-keys/${keyId}/rotate` }, status: 201, foreign: 404
    },
    'DELETE /v1/api-keys/:id': {
      request: { url: `/v1/api-keys/${keyId}` }, status: 200, foreign: 404
    },
    'POST /v1/webhooks': {
      request: { payload: { url: 'https://example.com/hook', tenant: 'acme' } },
      status: 201,
      foreign: 404
    },
    'GET /v1/webhooks': { request: { url: '/v1/webhooks?tenant=acme' }, status: 200, foreign: 404 },
    'GET /v1/webhooks/:id': {
      request: { url: `/v1/webhooks/${webhook.id}` }, status: 200, foreign: 404
    },
    'PATCH /v1/webhooks/:id': {
      request: { url: `/v1/webhooks/${webhook.id}`, payload: { enabled: false } },
      status: 200,
      foreign: 404
    },
    'POST /v1/webhooks/:id/rotate': {
      request: { url: `/v1/webhooks/${webhook.id}/rotate`, payload: {} }, status: 200, foreign: 404
    },
    'POST /v1/webhooks/:id/test': {
      request: { url: `/v1/webhooks/${webhook.id}/test` }, status: 200, foreign: 404
    },
    'DELETE /v1/webhooks/:id': {
      request: { url: `/v1/webhooks/${webhook.id}` }, status: 200, foreign: 404
    },
    'GET /api/activity': { request: {}, status: 200, foreign: 200 },
    'GET /api/activity/:activityId': {
      request: { url: `/api/activity/act_${receipt.id}` }, status: 200, foreign: 404
    },
    'GET /api/activity/audit/:entityType/:entityId': {
      request: { url: '/api/activity/audit/order/456' }, status: 200, foreign: 200
    },
    'GET /api/activity-logs': { request: {}, status: 200, foreign: 200 },
    'GET /activities/': { request: {}, status: 200, foreign: 200 },
    'GET /activities/:activity_id': {
      request: { url: `/activities/${own.id}` }, status: 200, foreign: 404
    },
    'GET /activities/summary/user': { request: {}, status: 200, foreign: 200 },
    'GET /activities/api-transactions/': { request: {}, status: 200, foreign: 200 },
    'GET /activities/data-access/': { request: {}, status: 200, foreign: 200 },
    'GET /activities/data-changes/': { request: {}, status: 200, foreign: 200 },
    'GET /activities/auth-events/': { request: {}, status: 200, foreign: 200 },
    'GET /activities/external-api/': { request: {}, status: 200, foreign: 200 },
    'GET /activities/system-events/': { request: {}, status: 200, foreign: 200 },
    'GET /activities/admin/users/:user_id/activities': {
      request: { url: '/activities/admin/users/u-81/activities' }, status: 200, foreign: 200
    },
    'GET /activities/admin/summary/:user_id': {
      request: { url: '/activities/admin/summary/u-81' }, status: 200, foreign: 200
    },
    'GET /organizations/:organizationId/actions': {
      request: { url: '/organizations/acme/actions' }, status: 200, foreign: 404
    },
    'GET /organizations/:organizationId/event-logs': {
      request: { url: '/organizations/acme/event-logs' }, status: 200, foreign: 404
    },
    'GET /organizations/:organizationId/tasks': {
      request: { url: '/organizations/acme/tasks' }, status: 200, foreign: 404
    }
  }
}
