import fc from 'fast-check'
import t from 'tap'
import { LedgerError } from '../../src/errors.ts'
import { GIVE_UP_MS, RETRY_MAX_MS, retryDelayMs } from '../../src/worker/webhook-failure.ts'
import { receiver } from '../webhooks/receiver.ts'
import { sending } from './sending.ts'
import { until } from './world.ts'

const { begin, happen, world } = await sending(t)

async function disabledOnRecord (id: string): Promise<number> {
  return (await world.rows(`select from read.entry
    where action = 'ledger.webhook_disabled' and entity_key = $1`, [id])).length
}

t.test('what is refused is tried again until it is taken, and nothing overtakes it', async (t) => {
  const { hook, deliver, state, clock } = await begin(t)
  const there = await receiver(t)
  let refusals = 3
  there.answer = ({ message }) =>
    message.data.id === second && refusals-- > 0 ? 503 : 204
  const id = await hook(there.url)
  const [first, second, third] = await happen(3)
  deliver()
  for (let failures = 1; failures <= 3; failures++) {
    await until(`failure ${failures}`, async () => (await state(id))['failures'] === failures)
    t.match(await state(id), { last_error: 'the receiver answered 503', enabled: true })
    t.ok((await state(id))['failing_since'])
    clock.ahead += 60_000
  }
  await until('all', () => there.received.length >= 6)
  t.strictSame(there.ids(), [first, second, second, second, second, third]
    .map((event) => `${id}_${event}`))
  const times = there.received.slice(1, 5)
    .map(({ headers }) => Number(headers['webhook-timestamp']))
  t.ok((times[3] ?? 0) - (times[0] ?? 0) >= 180, 'each attempt has its own time and signature')
  await until('good again', async () => (await state(id))['failures'] === 0)
  t.match(await state(id), { failing_since: null, next_attempt_at: null, last_error: null })
})

t.test('receivers that hang delay nobody else', async (t) => {
  const { hook, deliver } = await begin(t)
  const hanging = await receiver(t)
  hanging.answer = () => () => {}
  const there = await receiver(t)
  for (let n = 0; n < 30; n++) await hook(hanging.url)
  await hook('https://hooks.example.com/')
  const id = await hook(there.url)
  await happen(10)
  const startedAt = Date.now()
  deliver({ timeoutMs: 3_000 })
  await until('all', () => there.received.length === 10)
  const behind = Date.now() - startedAt
  t.ok(behind < 2_000, `the other one has everything after ${behind} ms`)
  t.ok(there.ids().every((one) => one.startsWith(`${id}_`)))
  await happen(5)
  await until('more', () => there.received.length === 15)
  await until('failures', async () => (await world.rows(
    "select from control.webhook where failures > 0 and last_error like 'no answer within%'"
  )).length === 30)
  t.match(await world.rows(
    "select last_error from control.webhook where url like 'https:%'"),
  [{ last_error: 'the name stands for an address that not everybody can reach' }])
})

t.test('one that is gone or long away is disabled, on record', async (t) => {
  const { hook, deliver, state, clock } = await begin(t)
  const [gone, away] = [await receiver(t), await receiver(t)]
  gone.answer = () => 410
  away.answer = () => 500
  const [goneId, awayId] = [await hook(gone.url), await hook(away.url)]
  await happen(1)
  deliver()
  await until('gone', async () => (await state(goneId))['enabled'] === false)
  t.match(await state(goneId), { disabled_reason: /gone for good/ })
  await until('failing', async () => (await state(awayId))['failures'] === 1)
  clock.ahead = GIVE_UP_MS - 60_000
  await until('failing', async () => (await state(awayId))['failures'] === 2)
  t.match(await state(awayId), { enabled: true }, 'not yet')
  clock.ahead = GIVE_UP_MS + RETRY_MAX_MS
  await until('disabled', async () => (await state(awayId))['enabled'] === false)
  t.match(await state(awayId), {
    disabled_reason: 'nothing could be delivered for 5 days',
    last_error: 'the receiver answered 500'
  })
  for (const id of [goneId, awayId]) {
    await until('the record', async () => await disabledOnRecord(id) === 1)
  }
  const sent = away.received.length
  clock.ahead *= 2
  await happen(1)
  t.equal(away.received.length, sent, 'nothing is sent any more')
})

t.test('killed while it disables one, it is on record once', async (t) => {
  const { hook, deliver, state } = await begin(t)
  const there = await receiver(t)
  there.answer = () => 410
  const id = await hook(there.url)
  await happen(1)
  const dying = deliver({
    fault: (step) => { if (step === 'recorded') throw new Error('killed') }
  })
  t.match(await dying.ended, { message: 'killed' })
  t.match(await state(id), { enabled: true })
  deliver()
  await until('disabled', async () => (await state(id))['enabled'] === false)
  await happen(1)
  t.equal(await disabledOnRecord(id), 1)
})

t.test('without its secret nothing is sent, and it is not the receiver\'s fault', async (t) => {
  const { hook, deliver, state, clock } = await begin(t)
  const there = await receiver(t)
  const id = await hook(there.url)
  await happen(1)
  const lost = async (): Promise<never> => {
    throw new LedgerError('VAULT_KEY_INVALID', 'the master key is not there')
  }
  const keyless = deliver({ secrets: { open: lost } })
  for (let failures = 1; failures <= 2; failures++) {
    await until('failure', async () => (await state(id))['failures'] === failures)
    clock.ahead += GIVE_UP_MS + RETRY_MAX_MS
  }
  t.match(await state(id), { enabled: true, failing_since: null, last_error: /signing secret/ })
  await keyless.stop()
  deliver()
  await until('delivery', () => there.received.length === 1)
})

t.test('waiting doubles, differs by chance, and ends', async (t) => {
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 1_000 }), fc.double({ min: 0, max: 1, noNaN: true }),
    fc.option(fc.integer({ min: 0, max: 10 * RETRY_MAX_MS }), { nil: undefined }),
    (failures, random, retryAfter) => {
      const delay = retryDelayMs(failures, random, retryAfter)
      const full = Math.min(RETRY_MAX_MS, 1_000 * 2 ** (failures - 1))
      return delay >= full / 2 && delay <= RETRY_MAX_MS &&
        (retryAfter === undefined ? delay <= full : delay >= Math.min(retryAfter, RETRY_MAX_MS))
    }))
  t.equal(retryDelayMs(1, 0), 500)
  t.equal(retryDelayMs(1, 1), 1_000)
  t.equal(retryDelayMs(30, 1), RETRY_MAX_MS)
})
