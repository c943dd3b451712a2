import fc from 'fast-check'
import t from 'tap'
import { entryOf, settle, type Entry, type Outcome } from '../../src/client/entry.ts'
import { ClientError } from '../../src/client/errors.ts'
import { createQueue, WAITING_MAX, type Queue } from '../../src/client/queue.ts'

const ROOM = { events: 6, bytes: 40 }
const LIMITS = { events: 3, bytes: 25 }

const outcome: Outcome = { ok: false, error: new ClientError('settled') }

const entryIn = (queue: Queue, n: number, bytes: number): Entry =>
  entryOf({ id: String(n), text: '', bytes }, false, (entry) => { queue.release(entry) })

t.test('entries come out in the order in which they went in, within every bound', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('give' as const), bytes: fc.integer({ min: 1, max: 20 }) }),
    fc.record({ kind: fc.constant('take' as const) }),
    fc.record({ kind: fc.constant('settle' as const), which: fc.nat(9) }))
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const queue = createQueue(ROOM)
    const [given, taken]: [Entry[], Entry[]] = [[], []]
    const dropped = new Set<Entry>()
    for (const step of steps) {
      if (step.kind === 'give') {
        const entry = entryIn(queue, given.length, step.bytes)
        given.push(entry)
        if (!queue.offer(entry)) queue.wait(entry)
      } else if (step.kind === 'take') {
        const batch = queue.take(LIMITS)
        const size = 1 + batch.reduce((sum, { bytes }) => sum + bytes + 1, 0)
        if (batch.length > LIMITS.events || size > LIMITS.bytes) return false
        taken.push(...batch)
      } else {
        const open = given.filter(({ outcome }) => outcome === undefined)
        const entry = open[step.which % Math.max(1, open.length)]
        if (entry === undefined) continue
        if (!taken.includes(entry)) dropped.add(entry)
        settle(entry, outcome)
      }
      if (queue.held > ROOM.events || queue.heldBytes > ROOM.bytes) return false
    }
    // Whoever waited moves up as the ones before them are settled.
    for (const entry of taken) settle(entry, outcome)
    for (let batch = queue.take(LIMITS); batch.length > 0; batch = queue.take(LIMITS)) {
      taken.push(...batch)
      for (const entry of batch) settle(entry, outcome)
    }
    const expected = given.filter((entry) => !dropped.has(entry)).map(({ id }) => id)
    return taken.map(({ id }) => id).join() === expected.join() && queue.held === 0 &&
      queue.heldBytes === 0 && queue.waiting === 0
  }), { numRuns: 500 })
})

t.test('so many may wait, and no more', async (t) => {
  const queue = createQueue({ events: 1, bytes: 10 })
  t.equal(queue.offer(entryIn(queue, 0, 1)), true)
  for (let n = 1; n < WAITING_MAX; n++) queue.wait(entryIn(queue, n, 1))
  t.ok(queue.wait(entryIn(queue, 0, 1)))
  t.equal(queue.wait(entryIn(queue, 0, 1)), undefined)
  t.equal(queue.waiting, WAITING_MAX)
})
