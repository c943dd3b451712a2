/**
 * The official client's connection without its conversions: its own API parses the JSON of events
 * and writes it anew, which is not always the same bytes.
 */
import { EventStoreDBClient } from '@eventstore/db-client'
import shared from '@eventstore/db-client/generated/shared_pb.js'
import streamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js'
import streams from '@eventstore/db-client/generated/streams_pb.js'
import type { ClientDuplexStream, ClientReadableStream } from '@grpc/grpc-js'
import type { ProposedEvent } from '../wire/recorded.ts'

/** An event with its exact bytes. */
export interface RawEvent extends ProposedEvent {
  readonly stream: string
  readonly revision: bigint
  readonly position: bigint
}

/** A connection to one cluster. */
export interface RawClient {
  /** The client itself, for everything that needs no exact bytes. */
  readonly client: EventStoreDBClient
  /** Everything from the start on. */
  readAll (): AsyncIterable<RawEvent>
  /** At most `count` events before a position, newest first. */
  readBack (before: bigint | 'end', count: number): AsyncIterable<RawEvent>
  /** One call for many appends. */
  openBatch (): Promise<BatchCall>
  close (): Promise<void>
}

export type BatchCall = ClientDuplexStream<streams.BatchAppendReq, streams.BatchAppendResp>

type StreamsClient = InstanceType<typeof streamsGrpc.StreamsClient>

/** The part of the client that is meant for its own methods only. */
interface Internals {
  GRPCStreamCreator<T> (
    service: typeof streamsGrpc.StreamsClient, name: string, create: (client: StreamsClient) => T
  ): () => Promise<T>
  callArguments (base: object, options: object): Parameters<StreamsClient['batchAppend']>
}

/** Connects to an `esdb://` address. */
export function connectRaw (url: string): RawClient {
  const client = EventStoreDBClient.connectionString(url)
  const internals = client as unknown as Internals
  const forever = () => internals.callArguments({}, { deadline: Infinity })

  function read (request: streams.ReadReq): Promise<ClientReadableStream<streams.ReadResp>> {
    return internals.GRPCStreamCreator(streamsGrpc.StreamsClient, 'read',
      (grpc) => grpc.read(request, ...forever()))()
  }

  async function * events (request: streams.ReadReq): AsyncIterable<RawEvent> {
    for await (const response of await read(request)) {
      const event = toRaw(response)
      if (event !== undefined) yield event
    }
  }

  return {
    client,
    readAll: () => events(readAllRequest('start', Number.MAX_SAFE_INTEGER)),
    readBack: (before, count) => events(readAllRequest(before, count)),
    openBatch: internals.GRPCStreamCreator(streamsGrpc.StreamsClient, 'batchAppend',
      (grpc) => grpc.batchAppend(...forever())),
    close: () => client.dispose()
  }
}

function toRaw (response: streams.ReadResp): RawEvent | undefined {
  const event = response.getEvent()?.getEvent()
  if (event === undefined) return undefined
  const map = event.getMetadataMap()
  return {
    id: event.getId()?.getString() ?? '',
    stream: Buffer.from(event.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString(),
    revision: BigInt(event.getStreamRevision()),
    position: BigInt(event.getCommitPosition()),
    type: map.get('type') ?? '',
    contentType: map.get('content-type') ?? '',
    metadata: event.getCustomMetadata_asU8(),
    data: event.getData_asU8()
  }
}

/** From the start it goes forward, from anywhere else backward. */
function readAllRequest (from: bigint | 'start' | 'end', count: number): streams.ReadReq {
  const all = new streams.ReadReq.Options.AllOptions()
  if (from === 'start') all.setStart(new shared.Empty())
  else if (from === 'end') all.setEnd(new shared.Empty())
  else {
    const position = new streams.ReadReq.Options.Position()
    position.setCommitPosition(String(from))
    position.setPreparePosition(String(from))
    all.setPosition(position)
  }
  const options = new streams.ReadReq.Options()
  options.setAll(all)
  options.setReadDirection(from === 'start' ? 0 : 1)
  return request(options, count)
}

function request (options: streams.ReadReq.Options, count: number): streams.ReadReq {
  const uuids = new streams.ReadReq.Options.UUIDOption()
  uuids.setString(new shared.Empty())
  options.setUuidOption(uuids)
  options.setNoFilter(new shared.Empty())
  options.setCount(String(count))
  const read = new streams.ReadReq()
  read.setOptions(options)
  return read
}
