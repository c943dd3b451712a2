import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { ANY } from '../../../../src/embedded/eventstore/wire/append.ts'
import type { Engine } from '../../../../src/embedded/eventstore/engine/engine.ts'
import {
  checkPosition, readAllBackward, readAllForward, type EventCursor
} from '../../../../src/embedded/eventstore/engine/read-all.ts'
import { readStream } from '../../../../src/embedded/eventstore/engine/read-stream.ts'
import { parseEvent } from '../../../../src/embedded/eventstore/wire/recorded.ts'
import { openEngine, proposed } from '../given-engine.ts'

interface Stored { stream: string, revision: number, id: string, position: number, size: number }

const NOTHING = Buffer.alloc(0)

/** Everything that a cursor gives until it has nothing more to look at. */
async function drain (cursor: EventCursor): Promise<Stored[]> {
  const seen: Stored[] = []
  for (;;) {
    const chunk = await cursor.next() ?? NOTHING
    if (chunk.length === 0 && !cursor.ready()) return seen
    for (let at = 0; at < chunk.length;) {
      const { stream, revision, id, position, data } = parseEvent(chunk, at)
      seen.push({ stream, revision, id, position, size: data.length })
      at += 5 + chunk.readUInt32BE(at + 1)
    }
  }
}

const size = fc.oneof(
  { weight: 8, arbitrary: fc.nat(500) },
  { weight: 2, arbitrary: fc.integer({ min: 1_000, max: 9_000 }) },
  { weight: 1, arbitrary: fc.constantFrom(65_500, 65_536, 140_000, 300_000) })
const calls = fc.array(fc.record({
  stream: fc.constantFrom('a', 'b', 'c'), sizes: fc.array(size, { minLength: 1, maxLength: 8 })
}), { minLength: 1, maxLength: 30 })

async function appendAll (
  engine: Engine, calls: readonly { stream: string, sizes: number[] }[]
): Promise<void> {
  await Promise.all(calls.map(({ stream, sizes }) => engine.append(stream, ANY,
    sizes.map((size) => proposed(randomUUID(), 'x'.repeat(size))))))
}

/** Reads all in every way, and compares each with what one plain pass over the log gives. */
async function readsAgree (engine: Engine, share: number): Promise<number> {
  const options = { count: Infinity, resolveLinks: false }
  const same = (name: string, found: Stored[], expected: Stored[]) => {
    if (JSON.stringify(found) !== JSON.stringify(expected)) {
      throw new Error(`${name}: ${JSON.stringify(found)} is not ${JSON.stringify(expected)}`)
    }
  }
  const all = await drain(readAllForward(engine, { ...options, position: 0 }))
  const index = Math.floor(all.length * share)
  const position = all[index]?.position ?? engine.log.durableEnd
  await checkPosition(engine, position)
  same('forward', await drain(readAllForward(engine, { ...options, position })), all.slice(index))
  same('backward', await drain(readAllBackward(engine, { ...options, position })),
    all.slice(0, index).reverse())
  same('count', await drain(readAllForward(engine, { ...options, position, count: 3 })),
    all.slice(index, index + 3))
  for (const stream of ['a', 'b', 'c']) {
    const own = all.filter((event) => event.stream === stream)
    if (own.some(({ revision }, i) => revision !== i)) throw new Error(`${stream} has gaps`)
    const from = Math.floor(own.length * share)
    const read = (revision: number, backward: boolean) =>
      drain(readStream(engine, { ...options, stream, revision, backward }))
    same(`${stream} forward`, await read(from, false), own.slice(from))
    same(`${stream} backward`, await read(from, true), own.slice(0, from + 1).reverse())
  }
  return all.length
}

t.test('every way of reading agrees, from memory, from the file and from both', async (t) => {
  const dir = t.testdir()
  let runs = 0
  const share = fc.double({ min: 0, max: 1, noNaN: true })
  await t.resolves(fc.assert(fc.asyncProperty(calls, calls, share,
    async (before, after, share) => {
      const place = `${dir}/${runs++}`
      const first = openEngine(place)
      await appendAll(first.engine, before)
      const count = await readsAgree(first.engine, share)
      await first.close()
      const second = openEngine(place)
      if (await readsAgree(second.engine, share) !== count) throw new Error('events are missing')
      await appendAll(second.engine, after)
      await readsAgree(second.engine, share)
      await second.close()
    }), { numRuns: 40, endOnFailure: true }))
})

t.test('a stream that is deleted under its reader ends', async (t) => {
  const { engine, close } = openEngine(t.testdir())
  await appendAll(engine, [{ stream: 'a', sizes: [60_000, 60_000, 60_000] }])
  for (const backward of [true, false]) {
    const cursor = readStream(engine,
      { stream: 'a', revision: backward ? 2 : 0, backward, count: 9, resolveLinks: false })
    t.ok(await cursor.next())
    await engine.softDelete('a', ANY)
    t.same(await drain(cursor), [])
    await appendAll(engine, [{ stream: 'a', sizes: [60_000, 60_000, 60_000] }])
  }
  await close()
})

t.test('a position that is not where an event begins is refused', async (t) => {
  const { engine, close } = openEngine(t.testdir())
  await appendAll(engine, [{ stream: 'a', sizes: [10, 70_000, 10] }])
  const all = await drain(readAllForward(engine, { position: 0, count: 9, resolveLinks: false }))
  const good = [0, ...all.map(({ position }) => position), engine.log.durableEnd, 2 ** 50]
  for (const position of good) await t.resolves(checkPosition(engine, position), `${position}`)
  for (const position of [1, 64, ...all.map(({ position }) => position + 1)]) {
    await t.rejects(checkPosition(engine, position), { name: 'InvalidPositionError' })
  }
  await close()
})
