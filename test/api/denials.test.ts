import type { FastifyRequest } from 'fastify'
import t from 'tap'
import type { EventInput } from '../../schemas/events/index.ts'
import type { Caller } from '../../src/api/auth.ts'
import { createDenials, DENIAL_WINDOW_MS } from '../../src/api/denials.ts'
import { checkOwnEvent } from '../../src/ledger/own.ts'

const caller: Caller = {
  keyId: 'k1', tenant: 'acme', name: 'shop', roles: ['producer'], subjectRef: undefined
}

function requestTo (url: string, errors: unknown[] = []): FastifyRequest {
  return {
    routeOptions: { method: 'GET', url, config: { roles: ['auditor', 'compliance'] } },
    log: { error: (said: unknown) => { errors.push(said) } }
  } as unknown as FastifyRequest
}

function given () {
  const world = { now: 0, recorded: [] as Array<{ tenant: string, event: EventInput }> }
  const denied = createDenials(async (tenant, [event]) => {
    if (event !== undefined) world.recorded.push({ tenant, event })
  }, () => world.now)
  return { world, denied }
}

t.test('a refusal is said in words of the ledger, where it happened', async (t) => {
  const { world, denied } = given()
  denied(caller, requestTo('/v1/events'))
  denied({ ...caller, tenant: undefined, keyId: 'k2' }, requestTo('/v1/events'))
  t.strictSame(world.recorded.map(({ tenant }) => tenant), ['acme', 'ledger'])
  const [first] = world.recorded
  t.match(first?.event, {
    outcome: 'denied',
    actor: { type: 'service', id: 'k1' },
    data: { operation: 'GET /v1/events', permission: 'auditor or compliance', times: 1 }
  })
  for (const { event } of world.recorded) checkOwnEvent(event)
})

t.test('refusals of one key at one route within a minute are one event, and counted', async (t) => {
  const { world, denied } = given()
  for (let i = 0; i < 100; i++) denied(caller, requestTo('/v1/events'))
  denied(caller, requestTo('/v1/tasks'))
  denied({ ...caller, keyId: 'k2' }, requestTo('/v1/events'))
  t.equal(world.recorded.length, 3)
  world.now = DENIAL_WINDOW_MS - 1
  denied(caller, requestTo('/v1/events'))
  t.equal(world.recorded.length, 3)
  world.now = DENIAL_WINDOW_MS
  denied(caller, requestTo('/v1/events'))
  t.match(world.recorded[3]?.event.data, { times: 101 }, 'this one and the 100 that were not told')
})

t.test('a refusal that cannot be recorded is logged, and stays a refusal', async (t) => {
  const errors: unknown[] = []
  const denied = createDenials(async () => { throw new Error('log is down') }, () => 0)
  denied(caller, requestTo('/v1/events', errors))
  await new Promise(setImmediate)
  t.match(errors, [{ err: { message: 'log is down' } }])
})
