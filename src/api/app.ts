import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify, { LogController, type FastifyBaseLogger } from 'fastify'
import { uuidv7 } from 'uuidv7'
import type { Role } from '../../schemas/http/api-keys.ts'
import { BATCH_MAX_BYTES } from '../../schemas/primitives.ts'
import { activityLogs } from './adapters/coequal.ts'
import { organizationActions, organizationEventLogs, organizationTasks } from './adapters/equa.ts'
import { activityAudit } from './adapters/mosaic.ts'
import { activityList, oneActivity } from './adapters/sovrium.ts'
import {
  activities, activity, adminActivities, apiTransactions, authEvents, dataAccess, dataChanges,
  externalApi, systemEvents
} from './adapters/truledgr.ts'
import { adminSummary, ownSummary } from './adapters/truledgr-summary.ts'
import { takeJson } from './bodies.ts'
import type { App, Endpoint, Method } from './endpoint.ts'
import { askForBodies } from './expect.ts'
import { describeRoutes } from './openapi.ts'
import { sendProblem } from './problems.ts'
import { refuseMalformed } from './malformed.ts'
import { protect } from './protect.ts'
import { recordReads } from './recorded-reads.ts'
import { aggregateEvents } from './routes/aggregations.ts'
import { createKey, listKeys, revokeKey, rotateKey } from './routes/api-keys.ts'
import { appendEvents } from './routes/append.ts'
import { certificate } from './routes/certificate.ts'
import { correctEvent } from './routes/corrections.ts'
import { docsIndex, docsPage, docsReference } from './routes/docs.ts'
import { blameEntity, diffEntity, entityState, entityTrail } from './routes/entities.ts'
import { entityProof } from './routes/entity-proof.ts'
import { approveErasure, listErasures, oneErasure, requestErasure } from './routes/erasures.ts'
import { eventDiff, listEvents, oneEvent, rawEvent } from './routes/events.ts'
import {
  createExport, deleteExport, downloadExport, listExports, oneExport
} from './routes/exports.ts'
import { listHolds, placeHold, releaseHold } from './routes/holds.ts'
import { ledgerKeys } from './routes/ledger-keys.ts'
import { liveness, metrics, openapi, problemPage, readiness } from './routes/ops.ts'
import { listProjections } from './routes/projections.ts'
import { checkpoint, checkpoints, consistency, eventProof } from './routes/proofs.ts'
import { replayAll, replayStream } from './routes/replay.ts'
import {
  listPolicies, onePolicy, previewExisting, previewPolicy, revokePolicy, setPolicy
} from './routes/retention-policies.ts'
import { listSchemas, oneSchema, registerSchema } from './routes/schemas.ts'
import { failedSignIns } from './routes/sign-ins.ts'
import { streamEvents } from './routes/stream.ts'
import { subjectReport } from './routes/subjects.ts'
import { listTasks } from './routes/tasks.ts'
import { tile } from './routes/tiles.ts'
import { changeTenant, createTenant, listTenants, oneTenant } from './routes/tenants.ts'
import { myEvents, userEvents, userSummary } from './routes/users.ts'
import {
  changeWebhook, createWebhook, deleteWebhook, listWebhooks, oneWebhook, rotateWebhook, testWebhook
} from './routes/webhooks.ts'
import { createServices, type ApiDeps, type Services } from './services.ts'
import { answerUnknown } from './unknown.ts'
import { SECURITY_HEADERS } from './security-headers.ts'
import { refuseOrTake } from './validator.ts'

/** Receiving a whole request, and its head: a slower client is a way to hold connections. */
export const REQUEST_TIMEOUT_MS = 60_000
export const HEADERS_TIMEOUT_MS = 15_000
/** A connection on which nothing moves: a reader that stalls holds a replay's source open. */
export const CONNECTION_TIMEOUT_MS = 120_000
/** Longer than a usual load balancer's 60 s: it shall be the one to close idle connections. */
export const KEEP_ALIVE_TIMEOUT_MS = 72_000
/** One path parameter: an id of 256 characters can take 12 bytes each when percent-encoded. */
export const PATH_PARAMETER_MAX = 4_096
const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/

type Row = [method: Method, url: string, make: (services: Services) => Endpoint]

type ProtectedRow = [...Row, roles: readonly Role[]]

const READERS: readonly Role[] = ['auditor', 'compliance']
/** Auditors read everybody's, users their own. */
const OWN: readonly Role[] = ['self', ...READERS]

/** Everything that needs no credential. */
export const PUBLIC: readonly Row[] = [
  ['GET', '/livez', liveness],
  ['GET', '/readyz', readiness],
  ['GET', '/metrics', metrics],
  ['GET', '/openapi.json', openapi],
  ['GET', '/llms.txt', docsIndex],
  ['GET', '/docs.md', docsReference],
  ['GET', '/docs/:page.md', docsPage],
  ['GET', '/problems/:code', problemPage],
  ['GET', '/.well-known/ledger-keys', ledgerKeys]
]

/** The paths of the five systems that this ledger unites, as they documented them. */
const SYSTEMS: readonly ProtectedRow[] = [
  ['GET', '/api/activity', activityList, READERS],
  ['GET', '/api/activity/:activityId', oneActivity, READERS],
  ['GET', '/api/activity/audit/:entityType/:entityId', activityAudit, READERS],
  ['GET', '/api/activity-logs', activityLogs, ['self']],
  ['GET', '/activities/', activities, OWN],
  ['GET', '/activities/:activity_id', activity, OWN],
  ['GET', '/activities/summary/user', ownSummary, ['self']],
  ['GET', '/activities/api-transactions/', apiTransactions, OWN],
  ['GET', '/activities/data-access/', dataAccess, OWN],
  ['GET', '/activities/data-changes/', dataChanges, OWN],
  ['GET', '/activities/auth-events/', authEvents, OWN],
  ['GET', '/activities/external-api/', externalApi, OWN],
  ['GET', '/activities/system-events/', systemEvents, READERS],
  ['GET', '/activities/admin/users/:user_id/activities', adminActivities, READERS],
  ['GET', '/activities/admin/summary/:user_id', adminSummary, READERS],
  ['GET', '/organizations/:organizationId/actions', organizationActions, READERS],
  ['GET', '/organizations/:organizationId/event-logs', organizationEventLogs, READERS],
  ['GET', '/organizations/:organizationId/tasks', organizationTasks, READERS]
]

/** Everything else: what is where, and who may call it. */
export const PROTECTED: readonly ProtectedRow[] = [
  ['POST', '/v1/events', appendEvents, ['producer']],
  ['POST', '/v1/corrections', correctEvent, ['producer', 'compliance']],
  ['GET', '/v1/events', listEvents, READERS],
  ['GET', '/v1/events/stream', streamEvents, READERS],
  ['GET', '/v1/events/:id', oneEvent, READERS],
  ['GET', '/v1/events/:id/raw', rawEvent, READERS],
  ['GET', '/v1/events/:id/proof', eventProof, READERS],
  ['GET', '/v1/events/:id/diff', eventDiff, READERS],
  ['GET', '/v1/entities/:type/:id/events', entityTrail, READERS],
  ['GET', '/v1/entities/:type/:id/state', entityState, READERS],
  ['GET', '/v1/entities/:type/:id/diff', diffEntity, READERS],
  ['GET', '/v1/entities/:type/:id/blame', blameEntity, READERS],
  ['GET', '/v1/entities/:type/:id/proof', entityProof, READERS],
  ['GET', '/v1/users/:id/events', userEvents, READERS],
  ['GET', '/v1/users/:id/summary', userSummary, READERS],
  ['GET', '/v1/me/events', myEvents, ['self']],
  ['GET', '/v1/tasks', listTasks, READERS],
  ['GET', '/v1/aggregations', aggregateEvents, READERS],
  ['GET', '/v1/sign-ins/failed', failedSignIns, READERS],
  ['PUT', '/v1/schemas/:action', registerSchema, ['compliance']],
  ['GET', '/v1/schemas/:action', oneSchema, ['producer', ...READERS]],
  ['GET', '/v1/schemas', listSchemas, ['producer', ...READERS]],
  ['GET', '/v1/streams/:stream/events', replayStream, READERS],
  ['GET', '/v1/replay', replayAll, READERS],
  ['POST', '/v1/erasures', requestErasure, ['compliance']],
  ['GET', '/v1/erasures', listErasures, READERS],
  ['GET', '/v1/erasures/:id', oneErasure, READERS],
  ['POST', '/v1/erasures/:id/approve', approveErasure, ['compliance']],
  ['GET', '/v1/erasures/:id/certificate', certificate, READERS],
  ['POST', '/v1/holds', placeHold, ['compliance']],
  ['GET', '/v1/holds', listHolds, READERS],
  ['POST', '/v1/holds/:id/release', releaseHold, ['compliance']],
  ['POST', '/v1/retention-policies', setPolicy, ['compliance']],
  ['GET', '/v1/retention-policies', listPolicies, READERS],
  ['POST', '/v1/retention-policies/preview', previewPolicy, READERS],
  ['GET', '/v1/retention-policies/:id', onePolicy, READERS],
  ['GET', '/v1/retention-policies/:id/preview', previewExisting, READERS],
  ['POST', '/v1/retention-policies/:id/revoke', revokePolicy, ['compliance']],
  ['GET', '/v1/subjects/:type/:id/report', subjectReport, ['compliance']],
  ['POST', '/v1/exports', createExport, ['compliance']],
  ['GET', '/v1/exports', listExports, READERS],
  ['GET', '/v1/exports/:id', oneExport, READERS],
  ['GET', '/v1/exports/:id/download', downloadExport, ['compliance']],
  ['DELETE', '/v1/exports/:id', deleteExport, ['compliance']],
  ['GET', '/v1/checkpoint', checkpoint, READERS],
  ['GET', '/v1/checkpoints', checkpoints, READERS],
  ['GET', '/v1/proofs/consistency', consistency, READERS],
  ['GET', '/v1/tile/*', tile, READERS],
  ['GET', '/v1/projections', listProjections, ['operator', 'admin']],
  ['POST', '/v1/tenants', createTenant, ['admin']],
  ['GET', '/v1/tenants', listTenants, ['admin']],
  ['GET', '/v1/tenants/:tenant', oneTenant, ['admin']],
  ['PATCH', '/v1/tenants/:tenant', changeTenant, ['admin']],
  ['POST', '/v1/api-keys', createKey, ['admin']],
  ['GET', '/v1/api-keys', listKeys, ['admin']],
  ['POST', '/v1/api-keys/:id/rotate', rotateKey, ['admin']],
  ['DELETE', '/v1/api-keys/:id', revokeKey, ['admin']],
  ['POST', '/v1/webhooks', createWebhook, ['admin']],
  ['GET', '/v1/webhooks', listWebhooks, ['admin']],
  ['GET', '/v1/webhooks/:id', oneWebhook, ['admin']],
  ['PATCH', '/v1/webhooks/:id', changeWebhook, ['admin']],
  ['POST', '/v1/webhooks/:id/rotate', rotateWebhook, ['admin']],
  ['POST', '/v1/webhooks/:id/test', testWebhook, ['admin']],
  ['DELETE', '/v1/webhooks/:id', deleteWebhook, ['admin']],
  ...SYSTEMS
]

/**
 * The HTTP API over its parts; nothing listens yet. Closing it ends what it made itself, not
 * what it was given.
 */
export function createApp (deps: ApiDeps): App {
  const services = createServices(deps)
  const logger: FastifyBaseLogger = deps.logger
  const app = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BATCH_MAX_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: PATH_PARAMETER_MAX },
    genReqId: ({ headers }) => {
      const given = headers['x-request-id']
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : uuidv7()
    },
    frameworkErrors: sendProblem,
    clientErrorHandler: refuseMalformed
  }).withTypeProvider<TypeBoxTypeProvider>()

  app.setValidatorCompiler(refuseOrTake)
  // Answers are said as they are: a serializer that knows the schema would drop what it lacks.
  app.setSerializerCompiler(() => JSON.stringify)
  app.setErrorHandler(sendProblem)
  app.decorateRequest('caller', null)
  takeJson(app)
  askForBodies(app.server, BATCH_MAX_BYTES)
  answerUnknown(app)
  observe(app, services)
  app.addHook('onClose', async () => {
    await services.exporting.close()
    await Promise.all([services.progress.close(), services.coalesced.close()])
  })

  describeRoutes(app)
  app.register(async (scope: App) => {
    for (const [method, url, make] of PUBLIC) make(services)(scope, { method, url })
  })
  app.register(async (scope: App) => {
    protect(scope, services)
    recordReads(scope, services)
    for (const [method, url, make, roles] of PROTECTED) {
      make(services)(scope, { method, url, roles })
    }
  })
  return app
}

/** Every answer says which request it is of, and is timed under its route's pattern. */
function observe (app: App, { metrics }: Services): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(SECURITY_HEADERS).header('x-request-id', request.id)
  })
  app.addHook('onResponse', async (request, reply) => {
    metrics.requestSeconds.observe({
      method: request.method,
      route: request.routeOptions.url ?? 'unknown',
      status: reply.statusCode
    }, reply.elapsedTime / 1_000)
  })
}
