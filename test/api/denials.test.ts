import type { FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import type { EventInput } from '../../schemas/events/index.ts'
import type { Caller } from '../../src/api/auth.ts'
import { createCoalesced, WINDOW_MS } from '../../src/api/coalesce.ts'
import { createDenials } from '../../src/api/denials.ts'
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

const settled = async (): Promise<void> => { await new Promise(setImmediate) }

function given (t: Test) {
  const world = {
    now: 0, isDown: false, recorded: [] as Array<{ tenant: string, event: EventInput }>
  }
  const coalesced = createCoalesced({
    record: async (tenant, events) => {
      if (world.isDown) throw new Error('log is down')
      world.recorded.push(...events.map((event) => ({ tenant, event })))
    },
    now: () => world.now,
    newId: () => 'made',
    failed: (err) => { throw err }
  })
  t.teardown(async () => { await coalesced.close() })
  return { world, coalesced, denied: createDenials(coalesced) }
}

t.test('a refusal is said in words of the ledger, where it happened', async (t) => {
  const { world, denied } = given(t)
  denied(caller, requestTo('/v1/events'))
  denied({ ...caller, tenant: undefined, keyId: 'k2' }, requestTo('/v1/events'))
  await settled()
  t.strictSame(world.recorded.map(({ tenant }) => tenant), ['acme', 'ledger'])
  const [first] = world.recorded
  t.match(first?.event, {
    outcome: 'denied',
    actor: { type: 'service', id: 'k1' },
    data: { operation: 'GET /v1/events', permission: 'auditor or compliance', times: 1 }
  })
  for (const { event } of world.recorded) checkOwnEvent(event)
})

t.test('refusals of one key at one route are told at once and, counted, later', async (t) => {
  const { world, denied, coalesced } = given(t)
  for (let i = 0; i < 100; i++) denied(caller, requestTo('/v1/events'))
  denied(caller, requestTo('/v1/tasks'))
  denied({ ...caller, keyId: 'k2' }, requestTo('/v1/events'))
  await settled()
  t.equal(world.recorded.length, 3)
  world.now = WINDOW_MS
  await coalesced.sweep()
  t.match(world.recorded[3]?.event, { action: 'ledger.denied', data: { times: 99 } })
  t.equal(world.recorded.length, 4)
})

t.test('a refusal that cannot be recorded is logged, and stays a refusal', async (t) => {
  const { world, denied } = given(t)
  const errors: unknown[] = []
  world.isDown = true
  denied(caller, requestTo('/v1/events', errors))
  await settled()
  t.match(errors, [{ err: { message: 'log is down' } }])
  world.isDown = false
  denied(caller, requestTo('/v1/events', errors))
  await settled()
  t.match(world.recorded, [{ event: { data: { times: 1 } } }], 'the next one is tried again')
})
