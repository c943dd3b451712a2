/** Answers, each a complete gRPC message with its prefix. */
import { ANY, NO_STREAM, STREAM_EXISTS, type AppendResult, type Expected } from './append.ts'
import { bytesField, putHead, varintField, varintSize } from './protobuf.ts'
import { GRPC_PREFIX } from './recorded.ts'

const EMPTY = Buffer.alloc(0)

/** A message with its gRPC prefix. */
export function grpcMessage (...fields: Buffer[]): Buffer {
  const head = Buffer.alloc(GRPC_PREFIX)
  head.writeUInt32BE(fields.reduce((sum, field) => sum + field.length, 0), 1)
  return Buffer.concat([head, ...fields])
}

/** `StreamIdentifier` as field `field`. */
export const streamIdentifier = (field: number, stream: string): Buffer =>
  bytesField(field, bytesField(3, stream))

const position = (field: number, at: number): Buffer =>
  bytesField(field, varintField(1, at), varintField(2, at))

/** `ReadResp.confirmation`. */
export const confirmationMessage = (id: string): Buffer =>
  grpcMessage(bytesField(2, bytesField(1, id)))

/** `ReadResp.checkpoint`. */
export const checkpointMessage = (at: number): Buffer => grpcMessage(position(3, at))

/** `ReadResp.stream_not_found`. */
export const streamNotFoundMessage = (stream: string): Buffer =>
  grpcMessage(bytesField(4, streamIdentifier(1, stream)))

/** `ReadResp.caught_up`. */
export const caughtUpMessage = (): Buffer => grpcMessage(bytesField(8, EMPTY))

/** `DeleteResp` or `TombstoneResp`. */
export const removedMessage = (at: number): Buffer => grpcMessage(position(1, at))

/** `AppendResp` for a result that is no error of the call. */
export function appendMessage (
  result: AppendResult & { kind: 'appended' | 'wrong-expected-version' }, expected: Expected
): Buffer {
  if (result.kind === 'appended') return grpcMessage(bytesField(1, ...success(result)))
  return grpcMessage(bytesField(2,
    result.current < 0 ? bytesField(7, EMPTY) : varintField(6, result.current),
    expectedField(expected, { revision: 8, any: 9, exists: 10, noStream: 11 })))
}

/** `BatchAppendResp` for any result. */
export function batchAppendMessage (
  correlationId: string, stream: string, expected: Expected, result: BatchResult
): Buffer {
  if (result.kind === 'appended' && result.position !== undefined) {
    return appendedMessage(correlationId, stream, result.revision, result.position)
  }
  return grpcMessage(
    bytesField(1, bytesField(2, correlationId)),
    result.kind === 'appended'
      ? bytesField(3, ...success(result))
      : bytesField(2, ...status(result, stream, expected)),
    streamIdentifier(4, stream))
}

/** The usual answer in one piece: it is written once for every append. */
function appendedMessage (
  correlationId: string, stream: string, ...[revision, at]: [number, number]
): Buffer {
  const positionLength = 2 + 2 * varintSize(at)
  const successLength = 3 + varintSize(revision) + positionLength
  const nameLength = Buffer.byteLength(stream)
  const streamLength = 1 + varintSize(nameLength) + nameLength
  const length = 42 + successLength + 1 + varintSize(streamLength) + streamLength
  const out = Buffer.allocUnsafe(GRPC_PREFIX + length)
  out[0] = 0
  out.writeUInt32BE(length, 1)
  out.writeUInt32BE(0x0a261224, GRPC_PREFIX)
  out.write(correlationId, GRPC_PREFIX + 4, 'latin1')
  let end = putHead(out, GRPC_PREFIX + 40, 0x1a, successLength)
  end = putHead(out, end, 0x08, revision)
  end = putHead(out, end, 0x1a, positionLength)
  end = putHead(out, end, 0x08, at)
  end = putHead(out, end, 0x10, at)
  end = putHead(out, end, 0x22, streamLength)
  out.write(stream, putHead(out, end, 0x1a, nameLength))
  return out
}

/** What a batch append can come to besides what the engine says. */
export type BatchResult =
  | AppendResult
  | { readonly kind: 'timeout' | 'access-denied' }

/** `google.rpc.Status` with one detail; the client goes by the detail's type. */
function status (
  result: Exclude<BatchResult, { kind: 'appended' }>, stream: string, expected: Expected
): Buffer[] {
  switch (result.kind) {
    case 'wrong-expected-version':
      return detail(6, 'WrongExpectedVersion',
        result.current < 0 ? bytesField(2, EMPTY) : varintField(1, result.current),
        expectedField(expected, { revision: 3, any: 4, exists: 5, noStream: 6 }))
    case 'stream-deleted': return detail(5, 'StreamDeleted', streamIdentifier(1, stream))
    case 'access-denied': return detail(7, 'AccessDenied')
    case 'timeout': return detail(4, 'Timeout')
    case 'too-large': return detail(3, 'MaximumAppendSizeExceeded', varintField(1, result.maxBytes))
    case 'bad-request': return detail(3, 'BadRequest', bytesField(1, result.message))
  }
}

function detail (code: number, name: string, ...fields: Buffer[]): Buffer[] {
  const type = `type.googleapis.com/event_store.client.${name}`
  return [varintField(1, code), bytesField(2, name),
    bytesField(3, bytesField(1, type), bytesField(2, ...fields))]
}

function success (result: AppendResult & { kind: 'appended' }): Buffer[] {
  return [
    result.revision < 0 ? bytesField(2, EMPTY) : varintField(1, result.revision),
    result.position === undefined ? bytesField(4, EMPTY) : position(3, result.position)
  ]
}

interface ExpectedFields {
  readonly revision: number
  readonly any: number
  readonly exists: number
  readonly noStream: number
}

function expectedField (expected: Expected, fields: ExpectedFields): Buffer {
  switch (expected) {
    case ANY: return bytesField(fields.any, EMPTY)
    case STREAM_EXISTS: return bytesField(fields.exists, EMPTY)
    case NO_STREAM: return bytesField(fields.noStream, EMPTY)
    default: return varintField(fields.revision, expected)
  }
}
