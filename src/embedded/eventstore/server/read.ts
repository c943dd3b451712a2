/** Streams/Read: reads that end, and subscriptions that go on. */
import { randomUUID } from 'node:crypto'
import { compileFilter, type Filter } from '../engine/filter.ts'
import {
  checkPosition, readAllBackward, readAllForward, type EventCursor
} from '../engine/read-all.ts'
import { readStream, visibleLast } from '../engine/read-stream.ts'
import { lastRevision } from '../storage/stream-index.ts'
import { ALL_STREAMS } from '../engine/wakeups.ts'
import { decodeRead, type ReadFrom, type ReadRequest } from '../wire/requests.ts'
import {
  caughtUpMessage, confirmationMessage, streamNotFoundMessage
} from '../wire/responses.ts'
import { receiveOne, type Call } from './call.ts'
import { demand, type Context } from './node-context.ts'
import { CODE, OK, StatusError } from './status.ts'

/** Serves one read or subscription. */
export function handleRead (call: Call, context: Context): void {
  receiveOne(call, (message) => {
    const request = decodeRead(message)
    demand(context, 'read', request.stream ?? ALL_STREAMS)
    serve(call, context, request).catch(call.fail)
  })
}

async function serve (call: Call, context: Context, request: ReadRequest): Promise<void> {
  const { stream, count } = request
  if (stream === '') {
    throw new StatusError({ code: CODE.invalidArgument, message: 'the stream name is empty' })
  }
  if (count === undefined) await subscribe(call, context, request)
  else if (stream === undefined) await readAll(call, context, request, count)
  else await read(call, context, { ...request, stream, count })
}

async function read (
  call: Call, { engine }: Context, request: ReadRequest & { stream: string, count: number }
): Promise<void> {
  const { stream, backward } = request
  if (await visibleLast(engine, stream) === undefined) {
    call.send(streamNotFoundMessage(stream))
    call.finish(OK)
    return
  }
  const revision = toNumber(request.from, 0, backward ? Infinity : Number.MAX_SAFE_INTEGER)
  await pump(call, readStream(engine, { ...request, revision }))
}

async function readAll (
  call: Call, { engine }: Context, request: ReadRequest, count: number
): Promise<void> {
  const { backward, resolveLinks } = request
  const position = toNumber(request.from, 0, engine.log.durableEnd)
  await checkPosition(engine, position)
  const options = { position, count, resolveLinks, filter: filterOf(request) }
  await pump(call, backward
    ? readAllBackward(engine, options)
    : readAllForward(engine, options))
}

/** Sends everything up to the end of what there is. */
async function pump (call: Call, cursor: EventCursor): Promise<void> {
  while (!call.signal.aborted) {
    const chunk = await cursor.next()
    if (chunk === undefined && !cursor.ready()) break
    if (chunk !== undefined && !call.send(chunk)) await call.drained()
  }
  call.finish(OK)
}

interface Subscription extends EventCursor {
  /** What wakes it up. */
  readonly key: string
  /** The checkpoint to send when it has caught up. */
  checkpoint (): Buffer | undefined
}

async function subscribe (call: Call, context: Context, request: ReadRequest): Promise<void> {
  const { wakeups } = context.engine
  const cursor = await open(context, request)
  call.send(confirmationMessage(randomUUID()))
  let live = false
  while (!call.signal.aborted) {
    const chunk = await cursor.next()
    if (chunk !== undefined) {
      if (!call.send(chunk)) await call.drained()
      continue
    }
    if (cursor.ready()) continue
    if (!live) {
      live = true
      const checkpoint = cursor.checkpoint()
      if (checkpoint !== undefined) call.send(checkpoint)
      call.send(caughtUpMessage())
    }
    await wakeups.wait(cursor.key, call.signal)
  }
}

/** A subscription begins after the position or revision that it names. */
async function open ({ engine }: Context, request: ReadRequest): Promise<Subscription> {
  const { stream, resolveLinks, from, checkpointEvery } = request
  const after = from === 'start' || from === 'end' ? 0 : 1
  if (stream === undefined) {
    const position = toNumber(from, 0, engine.log.durableEnd)
    await checkPosition(engine, position)
    const cursor = readAllForward(engine, {
      position: position + after,
      count: Infinity,
      resolveLinks,
      filter: filterOf(request),
      checkpointEvery
    })
    return { ...cursor, key: ALL_STREAMS }
  }
  await visibleLast(engine, stream)
  const end = lastRevision(engine.index.get(stream)) + 1
  const revision = toNumber(from, 0, end) + after
  const cursor = readStream(engine, {
    stream, revision, backward: false, count: Infinity, resolveLinks
  })
  return { ...cursor, key: stream, checkpoint: () => undefined }
}

function filterOf ({ filter }: ReadRequest): Filter | undefined {
  return filter === undefined ? undefined : compileFilter(filter)
}

function toNumber (from: ReadFrom, start: number, end: number): number {
  if (from === 'start') return start
  return from === 'end' ? end : from
}
