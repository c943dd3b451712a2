/** Streams/Append (one message per event), Delete and Tombstone. */
import type { AppendResult } from '../wire/append.ts'
import { decodeAppend, decodeRemove, type Target } from '../wire/requests.ts'
import { appendMessage, removedMessage } from '../wire/responses.ts'
import type { ProposedEvent } from '../wire/recorded.ts'
import { receiveOne, type Call } from './call.ts'
import { demand, type Context } from './node-context.ts'
import { CODE, OK, refusal, StatusError } from './status.ts'

/** Gathers the events of the call and appends them when the client has sent all. */
export function handleAppend (call: Call, context: Context): void {
  const events: ProposedEvent[] = []
  let target: Target | undefined
  let bytes = 0
  call.receive((buffer) => {
    const message = decodeAppend(buffer)
    if ('target' in message) {
      target = message.target
      demand(context, 'write', target.stream)
      return
    }
    events.push(message.event)
    bytes += message.event.data.length
    const { maxAppendBytes } = context.engine
    if (bytes > maxAppendBytes) throw tooLarge(maxAppendBytes)
  }, () => {
    if (target === undefined) {
      call.finish({ code: CODE.invalidArgument, message: 'the append names no stream' })
      return
    }
    answerAppend(call, context, target, events).catch(call.fail)
  })
}

function tooLarge (maxBytes: number): StatusError {
  return new StatusError(refusal({ kind: 'too-large', maxBytes }, '', 0))
}

async function answerAppend (
  call: Call, { engine }: Context, target: Target, events: readonly ProposedEvent[]
): Promise<void> {
  const { stream, expected } = target
  const result = await engine.append(stream, expected, events)
  if (result.kind === 'appended' || result.kind === 'wrong-expected-version') {
    call.send(appendMessage(result, expected))
    call.finish(OK)
  } else {
    call.finish(refusal(result, stream, expected))
  }
}

/** Hides the events of a stream until the next append. */
export function handleDelete (call: Call, context: Context): void {
  handleRemove(call, context, context.engine.softDelete)
}

/** Ends a stream for good. */
export function handleTombstone (call: Call, context: Context): void {
  handleRemove(call, context, context.engine.tombstone)
}

function handleRemove (
  call: Call, context: Context,
  remove: (stream: string, expected: number) => Promise<AppendResult>
): void {
  receiveOne(call, (message) => {
    const { stream, expected } = decodeRemove(message)
    demand(context, 'delete', stream)
    remove(stream, expected).then((result) => {
      if (result.kind !== 'appended') {
        call.finish(refusal(result, stream, expected))
        return
      }
      call.send(removedMessage(result.position ?? 0))
      call.finish(OK)
    }).catch(call.fail)
  })
}
