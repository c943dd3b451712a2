import pb from '@eventstore/db-client/generated/streams_pb.js'
import fc from 'fast-check'
import t from 'tap'
import { INT64_MAX } from '../../../../src/embedded/eventstore/wire/protobuf.ts'
import {
  eventBound, HEAD_BYTES, parseEvent, parseEventId, parseNames, putEvent
} from '../../../../src/embedded/eventstore/wire/recorded.ts'
import { holds } from '../holds.ts'

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 })
const event = fc.record({
  id: fc.uuid(),
  type: text,
  contentType: fc.constantFrom('application/json', 'application/octet-stream'),
  metadata: fc.uint8Array({ maxLength: 300 }),
  data: fc.uint8Array({ maxLength: 300 })
})
const place = fc.record({
  stream: text,
  revision: fc.oneof(fc.nat(), fc.maxSafeNat()),
  position: fc.oneof(fc.nat(), fc.maxSafeNat()),
  createdMs: fc.nat(2_000_000_000_000)
})

t.test('the official client\'s own code reads a stored event as it was proposed', async (t) => {
  holds(t, fc.property(event, place, fc.nat(50), (event, { stream, createdMs, ...place }, at) => {
    const name = Buffer.from(stream)
    const out = Buffer.alloc(at + eventBound(event, name.length))
    const end = putEvent(out, at, event, { ...place, stream: name, created: `${createdMs}0000` })
    if (out.readUInt32BE(at + 1) !== end - at - 5) return false
    const response = pb.ReadResp.deserializeBinary(out.subarray(at + 5, end))
    const recorded = response.getEvent()?.getEvent()
    const map = recorded?.getMetadataMap()
    const mine = parseEvent(out, at)
    return response.getEvent()?.getCommitPosition() === String(place.position) &&
      recorded?.getId()?.getString() === event.id &&
      Buffer.from(recorded.getStreamIdentifier()?.getStreamName_asU8() ?? []).equals(name) &&
      recorded.getStreamRevision() === String(place.revision) &&
      recorded.getCommitPosition() === String(place.position) &&
      recorded.getPreparePosition() === String(place.position) &&
      map?.get('type') === event.type && map.get('content-type') === event.contentType &&
      map.get('created') === `${createdMs}0000` &&
      Buffer.from(recorded.getData_asU8()).equals(event.data) &&
      Buffer.from(recorded.getCustomMetadata_asU8()).equals(event.metadata) &&
      mine.id === event.id && mine.stream === stream && mine.type === event.type &&
      mine.revision === place.revision && mine.position === place.position &&
      mine.createdMs === createdMs && mine.data.equals(event.data) &&
      parseEventId(out.subarray(at, at + HEAD_BYTES), 0) === event.id &&
      JSON.stringify(parseNames(out, at)) === JSON.stringify({ stream, type: event.type })
  }))
})

t.test('a tombstone has the largest revision there is', async (t) => {
  const tombstone = {
    id: '00000000-0000-4000-8000-000000000000',
    type: '$streamDeleted',
    contentType: 'application/octet-stream',
    metadata: Buffer.alloc(0),
    data: Buffer.alloc(0)
  }
  const out = Buffer.alloc(eventBound(tombstone, 1))
  const place = { stream: Buffer.from('s'), revision: INT64_MAX, position: 64, created: '0' }
  const end = putEvent(out, 0, tombstone, place)
  const recorded = pb.ReadResp.deserializeBinary(out.subarray(5, end)).getEvent()?.getEvent()
  t.equal(recorded?.getStreamRevision(), '9223372036854775807')
})
