/**
 * Streams/BatchAppend: one long-lived call per client, many appends at once, each in one or more
 * chunks under a correlation id. Every correlation id is answered exactly once.
 */
import { decodeBatchAppend, type Target } from '../wire/requests.ts'
import { batchAppendMessage, type BatchResult } from '../wire/responses.ts'
import type { Call } from './call.ts'
import { createChunks, type Complete } from './chunks.ts'
import { may, type Context } from './node-context.ts'
import { OK } from './status.ts'

/** A client with more than this under way is not read from until some is answered. */
const IN_FLIGHT_BYTES_MAX = 32 * 1024 * 1024

/** Serves one BatchAppend call until the client or the node ends it. */
export function handleBatchAppend (call: Call, context: Context): void {
  const { engine } = context
  const answers = createAnswers(call)
  const brake = createBrake(call)
  const state = { running: 0, ended: false }

  function settle (id: string, target: Target, result: BatchResult): void {
    answers.add(batchAppendMessage(id, target.stream, target.expected, result))
  }

  const chunks = createChunks({ ...engine, onRefused: settle })
  call.signal.addEventListener('abort', chunks.clear)

  async function run (id: string, { target, events }: Complete, bytes: number): Promise<void> {
    state.running++
    brake.hold(bytes)
    const result = refusal(context, target) ??
      await engine.append(target.stream, target.expected, events)
    settle(id, target, result)
    brake.hold(-bytes)
    state.running--
    finishIfDone()
  }

  function finishIfDone (): void {
    if (!state.ended || state.running > 0) return
    answers.flush()
    call.finish(OK)
  }

  call.receive((buffer) => {
    const message = decodeBatchAppend(buffer)
    const complete = chunks.add(message)
    if (complete !== undefined) {
      run(message.correlationId, complete, buffer.length).catch(call.fail)
    }
  }, () => {
    state.ended = true
    finishIfDone()
  })
}

function refusal (context: Context, target: Target): BatchResult | undefined {
  if (!may(context, 'write', target.stream)) return { kind: 'access-denied' }
  return target.deadlineMs < context.engine.now() ? { kind: 'timeout' } : undefined
}

/** Stops reading from a client that sends faster than the disk takes. */
function createBrake (call: Call): { hold: (bytes: number) => void } {
  let held = 0
  return {
    hold (bytes) {
      const before = held > IN_FLIGHT_BYTES_MAX
      held += bytes
      const after = held > IN_FLIGHT_BYTES_MAX
      if (before !== after) call.pause(after)
    }
  }
}

interface Answers {
  add (message: Buffer): void
  /** Sends what waits. */
  flush (): void
}

/** Appends of one group are answered together: what is said in one turn leaves as one write. */
function createAnswers (call: Call): Answers {
  let waiting: Buffer[] = []
  function flush (): void {
    const messages = waiting
    waiting = []
    if (messages.length > 0) call.send(Buffer.concat(messages))
  }
  return {
    flush,
    add (message) {
      if (waiting.push(message) === 1) process.nextTick(flush)
    }
  }
}
