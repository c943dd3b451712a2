import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import {
  decide, type StreamState
} from '../../../../src/embedded/eventstore/engine/append-rules.ts'
import {
  ANY, NO_STREAM, STREAM_EXISTS, type AppendResult
} from '../../../../src/embedded/eventstore/wire/append.ts'
import { readStream } from '../../../../src/embedded/eventstore/engine/read-stream.ts'
import { parseEvent } from '../../../../src/embedded/eventstore/wire/recorded.ts'
import { openEngine, proposed } from '../given-engine.ts'

/** A stream that holds these ids, the last ones of which are still remembered. */
const stream = (ids: string, more: Partial<StreamState> = {}): StreamState => ({
  last: ids.length - 1,
  tombstoned: false,
  softDeleted: false,
  hasMetadata: false,
  idAt: (revision) => ids[revision] ?? '',
  known: (id) => ids.includes(id) ? ids.lastIndexOf(id) : undefined,
  ...more
})

const forgotten = { known: () => undefined }
const deleted = { softDeleted: true, hasMetadata: true }

t.test('each rule decides as the real server does', async (t) => {
  const cases: [string, StreamState, number, string, string | number][] = [
    ['any on no stream', stream(''), ANY, 'a', 'write'],
    ['no stream on no stream', stream(''), NO_STREAM, 'a', 'write'],
    ['the last revision', stream('ab'), 1, 'c', 'write'],
    ['a revision beyond the last', stream('ab'), 2, 'c', 'wrong-expected-version'],
    ['a revision of no stream', stream(''), 0, 'a', 'wrong-expected-version'],
    ['no stream on a stream', stream('ab'), NO_STREAM, 'c', 'wrong-expected-version'],
    ['stream exists on no stream', stream(''), STREAM_EXISTS, 'a', 'wrong-expected-version'],
    ['stream exists by metadata', stream('', { hasMetadata: true }), STREAM_EXISTS, 'a', 'write'],
    ['stream exists', stream('a'), STREAM_EXISTS, 'b', 'write'],
    ['stream exists, soft deleted', stream('a', deleted), STREAM_EXISTS, 'b', 'stream-deleted'],
    ['anything on a tombstone', stream('a', { tombstoned: true }), ANY, 'b', 'stream-deleted'],
    ['any again', stream('abc'), ANY, 'bc', 2],
    ['any again, a part', stream('abc'), ANY, 'b', 1],
    ['any, an old then a new one', stream('abc'), ANY, 'cd', 'wrong-expected-version'],
    ['any, a new then an old one', stream('abc'), ANY, 'dc', 'write'],
    ['any again, forgotten', stream('abc', forgotten), ANY, 'bc', 'write'],
    ['stream exists again', stream('abc'), STREAM_EXISTS, 'c', 2],
    ['a revision again', stream('abc', forgotten), 0, 'bc', 2],
    ['a revision again, a part', stream('abc', forgotten), 0, 'b', 1],
    ['no stream again', stream('abc', forgotten), NO_STREAM, 'abc', 2],
    ['a revision, first differs', stream('abc', forgotten), 0, 'xc', 'wrong-expected-version'],
    ['a revision, later differs', stream('abc', forgotten), 0, 'bx', 'wrong-expected-version'],
    ['a revision again and more', stream('abc', forgotten), 0, 'bcd', 'wrong-expected-version'],
    ['no stream on soft deleted', stream('ab', deleted), NO_STREAM, 'c', 'write'],
    ['no stream again on soft deleted', stream('ab', deleted), NO_STREAM, 'ab', 1],
    ['a revision on soft deleted', stream('ab', deleted), 0, 'c', 'wrong-expected-version'],
    ['the last revision on soft deleted', stream('ab', deleted), 1, 'c', 'write'],
    ['any on soft deleted', stream('ab', { ...deleted, ...forgotten }), ANY, 'c', 'write'],
    ['nothing with any', stream('ab'), ANY, '', 'write'],
    ['nothing at the last revision', stream('ab'), 1, '', 'write'],
    ['nothing at an old revision', stream('ab'), 0, '', 'wrong-expected-version']
  ]
  for (const [name, state, expected, ids, outcome] of cases) {
    const decision = decide(state, expected, [...ids])
    t.equal(decision.kind === 'repeated' ? decision.last : decision.kind, outcome, name)
  }
})

/** What a stream should hold, kept by the words of the rules and nothing else. */
interface ModelStream {
  ids: string[]
  metadata: number
  hiddenBefore: number
  tombstoned: boolean
}

const SOFT_DELETED = Infinity

/** The rules once more, over plain arrays, with the memory that a restart loses. */
function createModel () {
  const streams = new Map<string, ModelStream>()
  let memory = new Map<string, string>()

  function of (name: string): ModelStream {
    const stream = streams.get(name) ??
      { ids: [], metadata: 0, hiddenBefore: 0, tombstoned: false }
    streams.set(name, stream)
    return stream
  }

  function append (name: string, expected: number, ids: readonly string[]): string {
    const stream = of(name)
    const { ids: has } = stream
    const softDeleted = stream.hiddenBefore === SOFT_DELETED
    if (stream.tombstoned) return 'deleted'
    if (expected === STREAM_EXISTS && softDeleted) return 'deleted'
    if (expected === STREAM_EXISTS && has.length === 0 && stream.metadata === 0) return 'wrong'
    if (expected === ANY || expected === STREAM_EXISTS) {
      const remembered = ids.map((id) => memory.get(id) ?? '')
        .map((place) => place.startsWith(`${name}@`) ? Number(place.split('@')[1]) : -1)
      const first = remembered[0] ?? -1
      if (first >= 0) return remembered.includes(-1) ? 'wrong' : `at ${remembered.at(-1)}`
    } else if (expected !== has.length - 1) {
      if (expected > has.length - 1) return 'wrong'
      const slots = has.slice(expected + 1, expected + 1 + ids.length)
      if (slots.join() === ids.join()) return `at ${expected + ids.length}`
      const mayRevive = softDeleted && expected === NO_STREAM && slots[0] !== ids[0]
      if (!mayRevive) return 'wrong'
    }
    if (softDeleted) {
      stream.hiddenBefore = has.length
      stream.metadata++
    }
    for (const id of ids) memory.set(id, `${name}@${has.push(id) - 1}`)
    return `at ${has.length - 1}`
  }

  return {
    append,
    softDelete (name: string): string {
      const stream = of(name)
      if (stream.tombstoned) return 'deleted'
      stream.hiddenBefore = SOFT_DELETED
      stream.metadata++
      return 'removed'
    },
    tombstone (name: string): string {
      const stream = of(name)
      if (stream.tombstoned) return 'deleted'
      stream.tombstoned = true
      return 'removed'
    },
    restart () { memory = new Map() },
    last: (name: string) => of(name).ids.length - 1,
    visible: (name: string) => of(name).ids.slice(of(name).hiddenBefore)
  }
}

function answer (result: AppendResult): string {
  switch (result.kind) {
    case 'appended': return `at ${result.revision}`
    case 'wrong-expected-version': return 'wrong'
    case 'stream-deleted': return 'deleted'
    default: return result.kind
  }
}

const removed = (result: AppendResult) => result.kind === 'appended' ? 'removed' : answer(result)

const IDS: string[] = Array.from({ length: 12 }, () => randomUUID())
const name = fc.constantFrom('s', 'u')
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      name,
      // Relative to the last revision, so that most of them hit something.
      expected: fc.oneof(
        fc.constantFrom(ANY, STREAM_EXISTS, NO_STREAM).map((word) => ({ word })),
        fc.integer({ min: -4, max: 1 }).map((back) => ({ back }))),
      ids: fc.uniqueArray(fc.constantFrom(...IDS), { minLength: 1, maxLength: 4 })
    })
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('again' as const), back: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('soft-delete' as const), name }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('tombstone' as const), name }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) }
)

type Call = readonly [string, number, readonly string[]]

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

async function sameAnswers (dir: string, steps: readonly Step[]): Promise<void> {
  const model = createModel()
  let node = openEngine(dir, { snapshotEveryBytes: 500 })
  const calls: Call[] = []
  const trace: string[] = []
  const check = (what: string, mine: string, theirs: string) => {
    trace.push(`${what}: ${theirs}`)
    if (mine !== theirs) throw new Error(`model says ${mine}\n${trace.join('\n')}`)
  }
  const append = async ([name, expected, ids]: Call) => {
    const events = ids.map((id) => proposed(id))
    check(`append ${name} ${expected} ${ids.map((id) => IDS.indexOf(id)).join()}`,
      model.append(name, expected, ids), answer(await node.engine.append(name, expected, events)))
  }
  for (const s of steps) {
    if (s.do === 'append') {
      const expected = 'word' in s.expected
        ? s.expected.word
        : Math.max(NO_STREAM, model.last(s.name) + s.expected.back)
      const call = [s.name, expected, s.ids] as const
      calls.push(call)
      await append(call)
    } else if (s.do === 'again') {
      const call = calls.at(-1 - s.back)
      if (call !== undefined) await append(call)
    } else if (s.do === 'restart') {
      await node.close()
      node = openEngine(dir, { snapshotEveryBytes: 500 })
      model.restart()
    } else if (s.do === 'soft-delete') {
      const result = await node.engine.softDelete(s.name, ANY)
      check(`soft-delete ${s.name}`, model.softDelete(s.name), removed(result))
    } else {
      const result = await node.engine.tombstone(s.name, ANY)
      check(`tombstone ${s.name}`, model.tombstone(s.name), removed(result))
    }
  }
  for (const stream of ['s', 'u']) {
    const cursor = readStream(node.engine,
      { stream, revision: 0, backward: false, count: Infinity, resolveLinks: false })
    const seen: string[] = []
    const tombstoned = (node.engine.index.get(stream)?.tombstone ?? 0) > 0
    for (let chunk = tombstoned ? undefined : await cursor.next(); chunk !== undefined;) {
      for (let at = 0; at < chunk.length; at += 5 + chunk.readUInt32BE(at + 1)) {
        seen.push(parseEvent(chunk, at).id)
      }
      chunk = await cursor.next()
    }
    if (!tombstoned) check(`read ${stream}`, model.visible(stream).join(), seen.join())
  }
  await node.close()
}

t.test('random appends, retries, deletes and restarts get the answers of the rules', async (t) => {
  const dir = t.testdir()
  let runs = 0
  await t.resolves(fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), (steps) =>
    sameAnswers(`${dir}/${runs++}`, steps)), { numRuns: 150, endOnFailure: true }))
})
