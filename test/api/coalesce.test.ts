import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { createCoalesced, ONCE, WINDOW_MS, type Coalesced, type Tally } from
  '../../src/api/coalesce.ts'
import type { EventInput } from '../../schemas/events/index.ts'

interface World {
  now: number
  isDown: boolean
  /** What is on record, in order. */
  told: Array<Tally & { key: string, id: string | undefined }>
  failures: unknown[]
  coalesced: Coalesced
  tell (key: string, tally?: Tally): Promise<void>
}

function given (t: Test | undefined, windowsMax?: number): World {
  let ids = 0
  const world: World = {
    now: 0,
    isDown: false,
    told: [],
    failures: [],
    coalesced: createCoalesced({
      record: async (_, events) => {
        await sleep(0)
        if (world.isDown) throw new Error('down')
        for (const { data, id } of events) {
          const { key, times, rows } = data as unknown as Tally & { key: string }
          // The log keeps one event of an id.
          if (id === undefined || world.told.every((other) => other.id !== id)) {
            world.told.push({ key, times, rows, id })
          }
        }
      },
      now: () => world.now,
      newId: () => String(ids++),
      failed: (err) => { world.failures.push(err) },
      ...(windowsMax !== undefined && { windowsMax })
    }),
    async tell (key, tally = ONCE) {
      await world.coalesced.tell(key, tally, async () => ({
        tenant: 'acme', say: (tally) => said(key, tally)
      }))
    }
  }
  t?.teardown(async () => { await world.coalesced.close() })
  return world
}

function said (key: string, tally: Tally): EventInput {
  return {
    action: 'ledger.read',
    category: 'access',
    actor: { type: 'system' },
    outcome: 'success',
    data: { key, ...tally }
  }
}

const counts = ({ told }: World): unknown[] => told.map(({ key, times, rows }) =>
  [key, times, rows])

t.test('the first is told before it goes on, the others of its window together', async (t) => {
  const world = given(t)
  await world.tell('a', { times: 1, rows: 50 })
  t.strictSame(counts(world), [['a', 1, 50]])
  for (let n = 0; n < 3; n++) await world.tell('a', { times: 1, rows: 10 })
  await world.tell('b')
  t.equal(world.told.length, 2, 'nothing more of a')
  world.now = WINDOW_MS - 1
  await world.coalesced.sweep()
  t.equal(world.told.length, 2)
  world.now = WINDOW_MS
  await world.coalesced.sweep()
  t.strictSame(counts(world).at(-1), ['a', 3, 30], 'and b has nothing to add')
  await world.tell('a')
  t.strictSame(counts(world).at(-1), ['a', 1, 0], 'a window of its own')
})

t.test('who comes while the first is being told waits for it', async (t) => {
  const world = given(t)
  await Promise.all(Array.from({ length: 5 }, async () => { await world.tell('a') }))
  t.strictSame(counts(world), [['a', 1, 0]])
  world.isDown = true
  const failed = await Promise.allSettled([world.tell('b'), world.tell('b')])
  t.strictSame(failed.map(({ status }) => status), ['rejected', 'rejected'])
  await world.tell('a')
  world.isDown = false
  await world.tell('b')
  t.strictSame(counts(world).at(-1), ['b', 1, 0], 'and is tried again')
  await world.coalesced.close()
  t.strictSame(counts(world).at(-1), ['a', 5, 0])
})

t.test('a read that comes after its window, before the sweep, loses nothing', async (t) => {
  const world = given(t)
  await world.tell('a')
  await world.tell('a')
  world.now = WINDOW_MS
  await world.tell('a')
  await world.coalesced.sweep()
  t.strictSame(counts(world), [['a', 1, 0], ['a', 1, 0], ['a', 1, 0]])
})

t.test('what cannot be told is told later, once', async (t) => {
  const world = given(t)
  await world.tell('a')
  await world.tell('a')
  world.now = WINDOW_MS
  world.isDown = true
  await t.rejects(world.coalesced.sweep(), { message: 'down' })
  await t.rejects(world.coalesced.sweep(), { message: 'down' })
  world.isDown = false
  await Promise.all([world.coalesced.sweep(), world.coalesced.sweep()])
  t.strictSame(counts(world), [['a', 1, 0], ['a', 1, 0]])
})

t.test('at the limit all windows stay open, one past it the oldest is told early', async (t) => {
  const world = given(t, 3)
  for (const key of ['a', 'a', 'b', 'b', 'c', 'c']) await world.tell(key)
  t.equal(world.told.length, 3)
  await world.tell('d')
  await world.coalesced.sweep()
  t.strictSame(counts(world).slice(3), [['d', 1, 0], ['a', 1, 0]])
  await world.tell('b')
  t.equal(world.told.length, 5, 'b is still open')
})

t.test('nothing is lost and nothing told twice, whatever happens', async (t) => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ tell: fc.constantFrom('a', 'b', 'c', 'd') }) },
    { weight: 2, arbitrary: fc.record({ pass: fc.constantFrom(1, WINDOW_MS / 2, WINDOW_MS) }) },
    { weight: 1, arbitrary: fc.record({ down: fc.boolean() }) },
    { weight: 1, arbitrary: fc.constant({ sweep: true }) }
  )
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
    const world = given(undefined, 3)
    const happened: Record<string, number> = {}
    const underway: Array<Promise<void>> = []
    for (const step of steps) {
      if ('tell' in step) {
        underway.push(world.tell(step.tell).then(() => {
          happened[step.tell] = (happened[step.tell] ?? 0) + 1
        }, () => {}))
      } else if ('pass' in step) world.now += step.pass
      else if ('down' in step) world.isDown = step.down
      else underway.push(world.coalesced.sweep().catch(() => {}))
    }
    await Promise.all(underway)
    world.isDown = false
    await world.coalesced.close()
    const told: Record<string, number> = {}
    for (const { key, times } of world.told) told[key] = (told[key] ?? 0) + times
    // One that failed may be on record all the same; here the log says no before it takes it.
    return JSON.stringify(sorted(told)) === JSON.stringify(sorted(happened))
  }), { numRuns: 300 })
})

function sorted (record: Record<string, number>): unknown {
  return Object.entries(record).sort()
}
