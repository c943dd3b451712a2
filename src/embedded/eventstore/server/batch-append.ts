/**
 * Streams/BatchAppend: one long-lived call per client, many appends at once, each in one or more
 * chunks under a correlation id. Every correlation id is answered exactly once.
 */
import { decodeBatchAppend, type BatchAppendMessage, type Target } from '../wire/requests.ts'
import { batchAppendMessage, type BatchResult } from '../wire/responses.ts'
import { WireError } from '../wire/protobuf.ts'
import type { ProposedEvent } from '../wire/recorded.ts'
import type { Call } from './call.ts'
import { may, type Context } from './node-context.ts'
import { OK } from './status.ts'

/** All chunks of one append must arrive within this time, as in the real server. */
export const CHUNKS_TIMEOUT_MS = 2_000
/** A client with more than this under way is not read from until some is answered. */
const IN_FLIGHT_BYTES_MAX = 32 * 1024 * 1024

/** An append of which not all chunks have arrived. */
interface Partial {
  readonly target: Target
  readonly events: ProposedEvent[]
  bytes: number
  /** Its answer is out already: what still arrives for it is dropped. */
  answered: boolean
  readonly timer: NodeJS.Timeout
}

/** Serves one BatchAppend call until the client or the node ends it. */
export function handleBatchAppend (call: Call, context: Context): void {
  const { engine } = context
  const partials = new Map<string, Partial>()
  const answer = createAnswers(call)
  let inFlightBytes = 0
  let running = 0
  let ended = false

  call.signal.addEventListener('abort', () => {
    for (const partial of partials.values()) clearTimeout(partial.timer)
  })

  function settle (id: string, target: Target, result: BatchResult): void {
    answer(batchAppendMessage(id, target.stream, target.expected, result))
  }

  function open (id: string, target: Target): Partial {
    const waitMs = Math.min(target.deadlineMs - engine.now(), CHUNKS_TIMEOUT_MS)
    const partial: Partial = {
      target,
      events: [],
      bytes: 0,
      answered: false,
      timer: setTimeout(() => { abandon(id, partial, { kind: 'timeout' }) }, waitMs)
    }
    partials.set(id, partial)
    return partial
  }

  function abandon (id: string, partial: Partial, result: BatchResult): void {
    clearTimeout(partial.timer)
    partial.answered = true
    partial.events.length = 0
    settle(id, partial.target, result)
  }

  /** Adds a chunk; gives the events when they are complete. */
  function gather (message: BatchAppendMessage): Omit<Partial, 'timer'> | undefined {
    const { correlationId: id, target, events, isFinal, problem } = message
    const known = partials.get(id)
    if (known === undefined && target === undefined) {
      throw new WireError('the first chunk of an append names no stream')
    }
    if (known === undefined && target !== undefined && isFinal && problem === undefined) {
      return { target, events: [...events], bytes: dataBytes(events), answered: false }
    }
    const partial = known ?? (target === undefined ? undefined : open(id, target))
    if (partial === undefined) return undefined
    if (!partial.answered) add(id, partial, message)
    if (!isFinal) return undefined
    clearTimeout(partial.timer)
    partials.delete(id)
    return partial.answered ? undefined : partial
  }

  function add (id: string, partial: Partial, message: BatchAppendMessage): void {
    const { events, problem } = message
    if (problem !== undefined) {
      abandon(id, partial, { kind: 'bad-request', message: problem })
      return
    }
    partial.bytes += dataBytes(events)
    partial.events.push(...events)
    const { maxAppendBytes: maxBytes } = engine
    if (partial.bytes > maxBytes) abandon(id, partial, { kind: 'too-large', maxBytes })
  }

  function run (id: string, { target, events, bytes }: Omit<Partial, 'timer'>): void {
    if (!may(context, 'write', target.stream)) {
      settle(id, target, { kind: 'access-denied' })
      return
    }
    if (target.deadlineMs < engine.now()) {
      settle(id, target, { kind: 'timeout' })
      return
    }
    running++
    hold(bytes)
    engine.append(target.stream, target.expected, events).then((result) => {
      settle(id, target, result)
      running--
      hold(-bytes)
      finishIfDone()
    }).catch(call.fail)
  }

  function hold (bytes: number): void {
    const before = inFlightBytes > IN_FLIGHT_BYTES_MAX
    inFlightBytes += bytes
    const after = inFlightBytes > IN_FLIGHT_BYTES_MAX
    if (before !== after) call.pause(after)
  }

  function finishIfDone (): void {
    if (ended && running === 0) answer.flushed(() => { call.finish(OK) })
  }

  call.receive((buffer) => {
    const message = decodeBatchAppend(buffer)
    const complete = gather(message)
    if (complete !== undefined) run(message.correlationId, complete)
  }, () => {
    ended = true
    finishIfDone()
  })
}

const dataBytes = (events: readonly ProposedEvent[]): number =>
  events.reduce((sum, event) => sum + event.data.length, 0)

interface Answers {
  (message: Buffer): void
  /** Calls back when nothing is waiting to be sent. */
  flushed (done: () => void): void
}

/** Appends of one group are answered together: what is said in one turn leaves as one write. */
function createAnswers (call: Call): Answers {
  let waiting: Buffer[] = []
  const flush = () => {
    const messages = waiting
    waiting = []
    if (messages.length > 0) call.send(Buffer.concat(messages))
  }
  const answer = (message: Buffer) => {
    if (waiting.push(message) === 1) process.nextTick(flush)
  }
  return Object.assign(answer, {
    flushed: (done: () => void) => {
      flush()
      done()
    }
  })
}
