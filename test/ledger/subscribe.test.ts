import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'

import { LedgerError } from '../../src/errors.ts'
import { mintId } from '../../src/ledger/ids.ts'
import type { Delivery, SubscribeOptions } from '../../src/ledger/log.ts'
import {
  batches, type RecordedBatch, type SubscriptionState
} from '../../src/ledger/subscribe.ts'
import type { Recorded } from '../../schemas/recorded.ts'
import { faultProxy } from '../fault-proxy.ts'
import { testNode } from '../helper.ts'
import { connect } from './given.ts'
import { ModelLog, ModelStore } from './model-log.ts'

/** A log whose subscription says what it is told to, connection by connection. */
class ScriptedLog extends ModelLog {
  readonly asked: Array<bigint | undefined> = []
  readonly #script: Array<Array<Recorded | 'caught-up' | 'lost' | 'end'>>

  constructor (script: Array<Array<Recorded | 'caught-up' | 'lost' | 'end'>>) {
    super(new ModelStore())
    this.#script = script
  }

  override async * subscribeAll (
    { after, signal }: SubscribeOptions
  ): AsyncGenerator<Delivery> {
    this.asked.push(after?.commit)
    for (const step of this.#script.shift() ?? []) {
      if (step === 'lost') throw new LedgerError('LOG_UNAVAILABLE', 'lost')
      if (step === 'end') return
      if (signal.aborted) return
      yield step === 'caught-up' ? { kind: step } : { kind: 'event', event: step }
    }
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => { resolve() })
    })
  }
}

const recorded = (position: number, size = 0): Recorded => ({
  id: mintId(),
  stream: 'acme.order-1',
  revision: BigInt(position),
  position: BigInt(position),
  prepare: BigInt(position),
  type: 'order.updated',
  data: 'x'.repeat(size),
  metadata: undefined
})

/** Takes batches until so many events have come and, if wanted, they are all there is. */
async function take (
  log: ScriptedLog, count: number, options: Partial<Parameters<typeof batches>[1]> = {}
): Promise<RecordedBatch[]> {
  const taken: RecordedBatch[] = []
  const stop = new AbortController()
  let missing = count
  for await (const batch of batches(log, { after: undefined, signal: stop.signal, ...options })) {
    taken.push(batch)
    missing -= batch.events.length
    if (missing <= 0 && batch.caughtUp) stop.abort()
  }
  return taken
}

const positions = (taken: RecordedBatch[]): bigint[] =>
  taken.flatMap(({ events }) => events.map(({ position }) => position))

t.test('batches are bounded in events and bytes', async (t) => {
  const events = Array.from({ length: 10 }, (_, index) => recorded(index))
  const byCount = await take(new ScriptedLog([[...events, 'caught-up']]), 10, {
    maxEvents: 4, maxWaitMs: 10_000
  })
  t.same(positions(byCount), events.map(({ position }) => position))
  t.same(byCount.map(({ events }) => events.length), [4, 4, 2])
  t.same(byCount.map(({ caughtUp }) => caughtUp), [false, false, true])

  const sizes = [100, 100, 1_000, 10, 10]
  const sized = sizes.map((size, index) => recorded(index, size))
  const byBytes = await take(new ScriptedLog([[...sized, 'caught-up']]), 5, {
    maxBytes: 300, maxWaitMs: 10_000
  })
  t.same(byBytes.map(({ events }) => events.length), [2, 1, 2], 'a large one comes alone')
})

t.test('a few events wait for company no longer than they may', async (t) => {
  const log = new ScriptedLog([[recorded(1), recorded(2)]])
  const stop = new AbortController()
  const begun = performance.now()
  for await (const { events } of batches(log, {
    after: undefined, signal: stop.signal, maxWaitMs: 30
  })) {
    t.equal(events.length, 2)
    t.ok(performance.now() - begun >= 25)
    t.ok(performance.now() - begun < 1_000)
    stop.abort()
  }
})

t.test('an empty log is told to be caught up by a batch without events', async (t) => {
  t.same(await take(new ScriptedLog([['caught-up']]), 0), [{ events: [], caughtUp: true }])
})

t.test('after a loss it goes on from the last event, repeats none, and tells', async (t) => {
  const [a, b, c, d] = [recorded(1), recorded(2), recorded(3), recorded(4)]
  const log = new ScriptedLog([
    [a, b, 'caught-up', 'lost'], ['lost'], ['end'], [a, b, c, 'lost'], [b, c, d, 'caught-up']
  ])
  const states: SubscriptionState[] = []
  const taken = await take(log, 4, { onState: (state) => { states.push(state) } })
  t.same(positions(taken), [1n, 2n, 3n, 4n])
  t.same(log.asked, [undefined, 2n, 2n, 2n, 3n])
  t.same(states.map(({ connected }) => connected), [true, false, true, false, true])
  t.match(states[1], { connected: false, cause: { code: 'LOG_UNAVAILABLE' } })
})

t.test('a slow consumer keeps the log waiting, not the events in memory', async (t) => {
  let given = 0
  class EndlessLog extends ScriptedLog {
    override async * subscribeAll (): AsyncGenerator<Delivery> {
      for (;;) yield { kind: 'event', event: recorded(++given) }
    }
  }
  const stop = new AbortController()
  let seen = 0
  for await (const { events } of batches(new EndlessLog([]), {
    after: undefined, signal: stop.signal, maxEvents: 10
  })) {
    seen += events.length
    await sleep(5)
    t.ok(given <= seen + 12, `${given} given, ${seen} seen`)
    if (seen >= 100) break
  }
  stop.abort()
})

t.test('over a real log that dies and comes back, each event comes once, in order', async (t) => {
  const node = await testNode(t)
  const proxy = await faultProxy(t, node.port)
  const direct = await connect(t, node.url)
  const log = await connect(t, `esdb://127.0.0.1:${proxy.port}?tls=false`)
  const stop = new AbortController()
  const seen: Recorded[] = []
  const states: boolean[] = []
  const following = (async () => {
    for await (const { events } of batches(log, {
      after: undefined,
      signal: stop.signal,
      maxEvents: 50,
      onState: ({ connected }) => { states.push(connected) }
    })) seen.push(...events)
  })()
  let expected: bigint | undefined
  const write = async (count: number): Promise<void> => {
    const events = Array.from({ length: count }, () =>
      ({ id: mintId(), type: 'order.updated', data: { n: 1 } }))
    const outcome = await direct.append('acme.order-1', events, expected)
    if (outcome.kind !== 'appended') throw new Error(outcome.kind)
    expected = outcome.lastRevision
  }
  const arrived = async (): Promise<void> => {
    for (let waits = 0; waits < 500 && BigInt(seen.length) <= (expected ?? -1n); waits++) {
      await sleep(20)
    }
  }
  await write(200)
  await arrived()
  for (const count of [120, 1, 75]) {
    proxy.cut()
    await write(count)
    await arrived()
  }
  await node.restart()
  for (let tries = 0; tries < 100; tries++) {
    if (await write(10).then(() => true, () => false)) break
    await sleep(50)
  }
  await arrived()
  stop.abort()
  await following
  t.equal(BigInt(seen.length) - 1n, expected)
  t.ok(seen.every(({ revision }, index) => revision === BigInt(index)))
  t.ok(states.length >= 5, states.join())
})
