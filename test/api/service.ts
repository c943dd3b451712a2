import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifySchema, InjectOptions, LightMyRequestResponse } from 'fastify'
import pino, { type Logger } from 'pino'
import type { Test } from 'tap'
import { PROJECTIONS } from '../../projections/index.ts'
import type { Role } from '../../schemas/http/api-keys.ts'
import { createApp } from '../../src/api/app.ts'
import { ensureKey, ensureTenant } from '../../src/api/bootstrap.ts'
import type { App } from '../../src/api/endpoint.ts'
import { createLookup } from '../../src/api/lookup.ts'
import { createLog } from '../../src/ledger/client.ts'
import { mintId } from '../../src/ledger/ids.ts'
import { createLedger } from '../../src/ledger/ledger.ts'
import type { Log } from '../../src/ledger/log.ts'
import { localMasterKey } from '../../src/privacy/master-key.ts'
import { createEraser } from '../../src/privacy/eraser.ts'
import { createSigningSecrets } from '../../src/privacy/signing-secrets.ts'
import { createVault } from '../../src/privacy/vault.ts'
import { createErasures } from '../../src/worker/erasure.ts'
import { ED25519, signerFrom } from '../../src/proof/keys.ts'
import { createSealer } from '../../src/worker/sealer.ts'
import type { SealingKeys } from '../../src/worker/sealing-key.ts'
import { createRetention } from '../../src/worker/retention.ts'
import { createRunner } from '../../src/worker/runner.ts'
import { testDatabase, testNode, type TestDatabase, type TestNode } from '../helper.ts'

export type Answer = LightMyRequestResponse

/** The API on a real database and a real node, with a worker that follows. */
export interface TestService {
  app: App
  database: TestDatabase
  node: TestNode
  log: Log
  /** Keys by name: `acme.producer`, `globex.auditor`, …, `server.admin`, `server.operator`. */
  keys: Readonly<Record<string, string>>
  /** What each route declares, by `GET /v1/events`. */
  declared: ReadonlyMap<string, FastifySchema>
  /** A request with the key of that name; undefined: without a key. */
  call (key: string | undefined, request: InjectOptions | string): Promise<Answer>
  /** Appends as a tenant's producer and waits until reads show it; returns the answer's JSON. */
  append (tenant: string, events: unknown): Promise<any> // eslint-disable-line
  /** Stops the worker, so that reads fall behind. */
  stopWorker (): Promise<void>
  startWorker (): void
}

export const TENANT_ROLES: readonly Role[] = [
  'producer', 'self', 'auditor', 'compliance', 'admin'
]
export const SERVER_ROLES: readonly Role[] = ['admin', 'operator']
export const TENANTS = ['acme', 'globex']
/** Whom the `self` keys are about. */
export const SELF = { type: 'user', id: 'u-self' }

/** Everything that the API needs, gone when the test ends. */
export async function testService (
  t: Test, logger: Logger = pino({ level: 'silent' })
): Promise<TestService> {
  const [database, node] = await Promise.all([testDatabase(t), testNode(t)])
  const log = createLog({ url: node.url })
  const pool = database.pool('ledger_api', { pipeline: true })
  const adminPool = database.pool('ledger_admin')
  const listenPool = database.pool('ledger_api', { max: 1 })
  const workerPool = database.pool('ledger_worker', { pipeline: true })
  const masterKey = localMasterKey(randomBytes(32))
  const vaultPool = database.pool('ledger_vault')
  const vault = await createVault({ pool: vaultPool, masterKey })
  const webhooks = {
    allowLoopback: true,
    resolve: async () => [],
    secrets: createSigningSecrets({ pool: vaultPool, masterKey: async () => masterKey })
  }
  const ledger = createLedger({
    log, vault, lookup: createLookup(pool), now: Date.now, newId: mintId
  })
  const erasures = createErasures({
    pool: database.pool('ledger_worker'),
    eraser: createEraser(database.pool('ledger_vault')),
    log,
    record: ledger.recordOwn,
    logger,
    now: Date.now,
    pollMs: 100
  })
  const retention = createRetention({
    pool: database.pool('ledger_worker'),
    log,
    record: ledger.recordOwn,
    logger,
    now: Date.now,
    pollMs: 100
  })
  const app = createApp({
    pool, adminPool, listenPool, log, ledger, vault, webhooks, logger, keyEnvironment: 'test'
  })
  const declared = new Map<string, FastifySchema>()
  app.addHook('onRoute', ({ method, url, schema = {} }) => {
    declared.set(`${String(method)} ${url}`, schema)
  })
  let worker = { stop: new AbortController(), done: Promise.resolve(), isLive: () => false }
  const startWorker = (): void => {
    const stop = new AbortController()
    const runner = createRunner({
      pool: workerPool,
      log,
      projections: PROJECTIONS,
      logger,
      now: Date.now,
      heartbeatMs: 200,
      retryMs: 100
    })
    const isLive = (): boolean => runner.status().state === 'live'
    const sealer = createSealer({
      pool: workerPool,
      log,
      name: 'test',
      keys: localKeys(),
      logger,
      now: Date.now,
      newId: mintId,
      isActive: isLive,
      onStatus: runner.sealing,
      intervalMs: 100
    })
    const parts = [runner, erasures, retention, sealer]
    const done = Promise.all(parts.map(({ run }) => run(stop.signal)))
    worker = { stop, done: done.then(() => undefined), isLive }
  }
  const stopWorker = async (): Promise<void> => {
    worker.stop.abort()
    await worker.done
  }
  startWorker()
  t.teardown(async () => {
    await app.close()
    await stopWorker()
    await vault.close()
    await log.close()
  })

  const options = { adminPool, record: ledger.recordOwn, keyEnvironment: 'test' }
  const keys: Record<string, string> = {}
  for (const tenant of TENANTS) {
    await ensureTenant(options, tenant)
    for (const role of TENANT_ROLES.filter((role) => role !== 'self')) {
      keys[`${tenant}.${role}`] = await ensureKey(options, { tenant, name: role, roles: [role] })
    }
  }
  for (const role of SERVER_ROLES) {
    keys[`server.${role}`] = await ensureKey(options, { tenant: null, name: role, roles: [role] })
  }

  const call = async (
    key: string | undefined, request: InjectOptions | string
  ): Promise<Answer> => {
    const { headers, ...rest } = typeof request === 'string' ? { url: request } : request
    const authorization = key === undefined ? {} : { authorization: `Bearer ${keys[key]}` }
    return await app.inject({ ...rest, headers: { ...authorization, ...headers } })
  }
  for (const tenant of TENANTS) {
    const made = await call(`${tenant}.admin`, {
      method: 'POST', url: '/v1/api-keys', payload: { name: 'self', roles: ['self'], subject: SELF }
    })
    keys[`${tenant}.self`] = made.json().secret
  }
  // Before there are read models, a read is answered by 503.
  if (!await until(async () => worker.isLive(), (isLive) => isLive)) throw new Error('not live')
  const append: TestService['append'] = async (tenant, events) => {
    const answer = await call(`${tenant}.producer`, {
      method: 'POST', url: '/v1/events', headers: { prefer: 'wait=10' }, payload: events as object
    })
    if (answer.statusCode > 201) throw new Error(`append: ${answer.statusCode} ${answer.body}`)
    return answer.json()
  }
  return { app, database, node, log, keys, declared, call, append, stopWorker, startWorker }
}

/** The key that signs checkpoints of `test/<tenant>`. */
function localKeys (): SealingKeys {
  return {
    signers: async (origin) => ({
      current: signerFrom(origin, ED25519, Buffer.alloc(32, 7)), previous: undefined
    })
  }
}

/** A good event; what is said replaces its members. */
export function event (said: object = {}): Record<string, unknown> {
  return {
    action: 'order.updated',
    category: 'change',
    actor: { type: 'user', id: 'u-81', name: 'Alice', email: 'alice@example.com' },
    entity: { type: 'order', id: '456' },
    outcome: 'success',
    ...said
  }
}

/** Asks until the answer is as wanted, for five seconds. */
export async function until<T> (ask: () => Promise<T>, wanted: (answer: T) => boolean): Promise<T> {
  const deadline = Date.now() + 5_000
  while (true) {
    const answer = await ask()
    if (wanted(answer) || Date.now() > deadline) return answer
    await sleep(50)
  }
}
