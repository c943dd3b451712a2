/** One gRPC call over one HTTP/2 stream. */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { createDeframer } from './deframe.ts'
import { MissingMetadataError } from '../wire/requests.ts'
import { WireError } from '../wire/protobuf.ts'
import { InvalidPositionError } from '../engine/read-all.ts'
import { StreamDeletedError } from '../engine/read-stream.ts'
import {
  CODE, missingProperty, OK, StatusError, streamDeleted, type Status
} from './status.ts'

/** A call as its handler sees it. */
export interface Call {
  readonly headers: IncomingHttpHeaders
  /** Aborts when the client is gone, or the call has ended. */
  readonly signal: AbortSignal
  /** Takes messages as they arrive; an error that it throws ends the call. */
  receive (onMessage: (message: Buffer) => void, onEnd: () => void): void
  /** Stops or resumes the flow of messages. */
  pause (paused: boolean): void
  /** Sends complete messages; false means wait for {@link Call.drained} before the next. */
  send (messages: Buffer): boolean
  drained (): Promise<void>
  /** Ends the call; only the first time counts. */
  finish (status: Status): void
  /** Ends the call with the status of an error. */
  fail (error: unknown): void
}

/** A reason of our own: without one every abort makes an error with a stack. */
const ENDED = 'the call has ended'
/** How long a client may keep its half of a call open after the answer. */
const LINGER_MS = 1_000

/** Answers the request headers of a call and returns it. */
export function openCall (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Call {
  const aborter = new AbortController()
  let finished = false
  let status: Status = OK

  stream.on('error', () => {})
  stream.on('close', () => { aborter.abort(ENDED) })
  stream.on('wantTrailers', () => {
    stream.sendTrailers(trailersOf(status))
    if (stream.readableEnded) return
    // A client that keeps its half open is cut off, but not before the trailers are out.
    const timer = setTimeout(() => { stream.close(constants.NGHTTP2_NO_ERROR) }, LINGER_MS)
    stream.on('close', () => { clearTimeout(timer) })
  })
  stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' },
    { waitForTrailers: true })

  function finish (last: Status): void {
    if (finished) return
    finished = true
    status = last
    if (!stream.destroyed) stream.end()
    stream.resume()
    aborter.abort(ENDED)
  }

  function fail (error: unknown): void {
    finish(statusOf(error))
  }

  return {
    headers,
    signal: aborter.signal,
    receive (onMessage, onEnd) {
      const deframe = createDeframer((message) => { if (!finished) onMessage(message) })
      stream.on('data', (chunk: Buffer) => {
        if (finished) return
        try {
          deframe(chunk)
        } catch (error) {
          fail(error)
        }
      })
      stream.on('end', () => { if (!finished) onEnd() })
    },
    pause: (paused) => { if (paused) stream.pause(); else stream.resume() },
    send: (messages) => finished || stream.destroyed || stream.write(messages),
    drained: () => new Promise((resolve) => {
      if (!stream.writableNeedDrain || aborter.signal.aborted) {
        resolve()
        return
      }
      const done = () => {
        stream.off('drain', done)
        aborter.signal.removeEventListener('abort', done)
        resolve()
      }
      stream.on('drain', done)
      aborter.signal.addEventListener('abort', done)
    }),
    finish,
    fail
  }
}

/** Gathers a call's only message. */
export function receiveOne (call: Call, onMessage: (message: Buffer) => void): void {
  let seen = false
  call.receive((message) => {
    if (seen) return
    seen = true
    onMessage(message)
  }, () => {
    if (!seen) call.finish({ code: CODE.invalidArgument, message: 'the request has no message' })
  })
}

/** What an error means to the client. Unknown errors are internal ones. */
export function statusOf (error: unknown): Status {
  if (error instanceof StatusError) return error.status
  if (error instanceof MissingMetadataError) return missingProperty(error.property)
  if (error instanceof StreamDeletedError) return streamDeleted(error.stream)
  if (error instanceof WireError || error instanceof InvalidPositionError ||
      error instanceof SyntaxError) {
    return { code: CODE.invalidArgument, message: error.message }
  }
  return { code: CODE.internal, message: error instanceof Error ? error.message : String(error) }
}

function trailersOf (status: Status): Record<string, string> {
  return {
    'grpc-status': String(status.code),
    ...(status.message === undefined ? {} : { 'grpc-message': encodeURI(status.message) }),
    ...Object.fromEntries(Object.entries(status.trailers ?? {})
      .map(([key, value]) => [key, value.replace(/[^\x20-\x7e]/g, '?')]))
  }
}
