import { createRequire } from 'node:module'
import fc from 'fast-check'
import t from 'tap'
import { decodeRead } from '../../src/ledger/wire-read.ts'
import { eachField } from '../../src/ledger/wire-reader.ts'

/* The official client's own messages and what it makes of them: the oracle. */
const require = createRequire(import.meta.url)
const { ReadResp } = require('@eventstore/db-client/generated/streams_pb')
const { StreamIdentifier, UUID } = require('@eventstore/db-client/generated/shared_pb')
const { convertGrpcEvent } = require('@eventstore/db-client/dist/utils')

const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const small = fc.bigInt({ min: 0n, max: 2n ** 56n })

const events = fc.record({
  id: fc.uuid(),
  stream: fc.string({ unit: 'grapheme', minLength: 1 }),
  revision: fc.oneof(uint64, small),
  commit: fc.oneof(uint64, small),
  prepare: fc.oneof(uint64, small),
  type: fc.option(fc.string({ unit: 'grapheme', minLength: 1 })),
  contentType: fc.constantFrom('application/json', 'application/octet-stream', undefined),
  data: fc.oneof(fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
    fc.uint8Array().map((bytes) => Buffer.from(bytes))),
  metadata: fc.oneof(fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
    fc.constant(Buffer.alloc(0)), fc.uint8Array().map((bytes) => Buffer.from(bytes)))
})
type Given = typeof events extends fc.Arbitrary<infer Value> ? Value : never

function officialEvent (given: Given): { serializeBinary: () => Uint8Array } {
  const recorded = new ReadResp.ReadEvent.RecordedEvent()
  const id = new UUID()
  id.setString(given.id)
  const stream = new StreamIdentifier()
  stream.setStreamName(Buffer.from(given.stream))
  recorded.setId(id)
  recorded.setStreamIdentifier(stream)
  recorded.setStreamRevision(String(given.revision))
  recorded.setCommitPosition(String(given.commit))
  recorded.setPreparePosition(String(given.prepare))
  if (given.type !== null) recorded.getMetadataMap().set('type', given.type)
  if (given.contentType !== undefined) {
    recorded.getMetadataMap().set('content-type', given.contentType)
  }
  recorded.getMetadataMap().set('created', '17000000000000000')
  recorded.setData(given.data)
  recorded.setCustomMetadata(given.metadata)
  const event = new ReadResp.ReadEvent()
  event.setEvent(recorded)
  event.setCommitPosition(String(given.commit))
  const response = new ReadResp()
  response.setEvent(event)
  return response
}

/** Plain arrays of bytes: the two decoders cut different buffers. */
const plain = (value: unknown): unknown =>
  value instanceof Uint8Array ? { bytes: [...value] } : value

t.test('an event is read as the official client reads it', async (t) => {
  fc.assert(fc.property(events, (given) => {
    const bytes: Uint8Array = officialEvent(given).serializeBinary()
    const { event } = convertGrpcEvent(ReadResp.deserializeBinary(bytes).getEvent())
    const answer = decodeRead(bytes)
    if (answer.kind !== 'event' || answer.recorded === undefined) throw new Error('no event')
    const { recorded } = answer
    t.strictSame({
      id: recorded.id,
      stream: recorded.stream,
      revision: recorded.revision,
      position: { commit: recorded.position, prepare: recorded.prepare },
      type: recorded.type,
      data: plain(recorded.data),
      metadata: plain(recorded.metadata)
    }, {
      id: event.id,
      stream: event.streamId,
      revision: event.revision,
      position: event.position,
      type: event.type,
      data: plain(event.data),
      metadata: plain(event.metadata)
    })
    if (event.isJson) t.equal(recorded.json, given.data.toString('utf8'))
  }), { numRuns: 500 })
})

t.test('an id may come as two numbers', async (t) => {
  // The official client cannot be asked: it fails over some of them.
  fc.assert(fc.property(fc.uuid(), (id) => {
    const hex = id.replaceAll('-', '')
    const half = (at: number): string =>
      String(BigInt.asIntN(64, BigInt(`0x${hex.slice(at, at + 16)}`)))
    const structured = new UUID.Structured()
    structured.setMostSignificantBits(half(0))
    structured.setLeastSignificantBits(half(16))
    const uuid = new UUID()
    uuid.setStructured(structured)
    const recorded = new ReadResp.ReadEvent.RecordedEvent()
    recorded.setId(uuid)
    const event = new ReadResp.ReadEvent()
    event.setEvent(recorded)
    const response = new ReadResp()
    response.setEvent(event)
    t.match(decodeRead(response.serializeBinary()), { recorded: { id } })
  }), { numRuns: 200 })
})

t.test('what is no event is told apart', async (t) => {
  const kindOf = (fill: (response: typeof ReadResp) => void): unknown => {
    const response = new ReadResp()
    fill(response)
    return decodeRead(response.serializeBinary())
  }
  t.same(kindOf((response) => {
    const confirmation = new ReadResp.SubscriptionConfirmation()
    confirmation.setSubscriptionId('s-1')
    response.setConfirmation(confirmation)
  }), { kind: 'confirmation' })
  t.same(kindOf((response) => { response.setCaughtUp(new ReadResp.CaughtUp()) }),
    { kind: 'caught-up' })
  t.same(kindOf((response) => { response.setFellBehind(new ReadResp.FellBehind()) }),
    { kind: 'other' })
  t.same(kindOf((response) => { response.setLastStreamPosition('7') }), { kind: 'other' })
  t.same(kindOf((response) => {
    const notFound = new ReadResp.StreamNotFound()
    const stream = new StreamIdentifier()
    stream.setStreamName(Buffer.from('acme.order-1'))
    notFound.setStreamIdentifier(stream)
    response.setStreamNotFound(notFound)
  }), { kind: 'not-found', stream: 'acme.order-1' })
  t.same(kindOf((response) => { response.setEvent(new ReadResp.ReadEvent()) }),
    { kind: 'event', recorded: undefined }, 'a link whose event is gone')
})

t.test('bytes that are no message are refused, whatever they are', async (t) => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
    try {
      eachField(bytes, () => undefined)
    } catch (err) {
      if (!(err instanceof RangeError)) throw err
    }
  }), { numRuns: 2_000 })
  const whole: Uint8Array = officialEvent({
    id: '0198c0de-0000-7000-8000-000000000000',
    stream: 's',
    revision: 1n,
    commit: 2n,
    prepare: 2n,
    type: 't',
    contentType: 'application/json',
    data: Buffer.from('{}'),
    metadata: Buffer.alloc(0)
  }).serializeBinary()
  for (let length = 1; length < whole.length; length++) {
    t.throws(() => decodeRead(whole.subarray(0, length)), RangeError)
  }
  t.throws(() => eachField(Uint8Array.of(8, ...new Array(10).fill(0x80), 1), () => undefined),
    { message: 'a varint of more than ten bytes' })
})
