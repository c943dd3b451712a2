import pb from '@eventstore/db-client/generated/streams_pb.js'
import fc from 'fast-check'
import t from 'tap'
import { batchAppendMessage } from '../../../../src/embedded/eventstore/wire/responses.ts'
import { holds } from '../holds.ts'

t.test('the official client\'s own code reads the answer to an append', async (t) => {
  const number = fc.oneof(fc.nat(300), fc.maxSafeNat())
  const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 })
  holds(t, fc.property(fc.uuid(), name, number, number, (id, stream, revision, position) => {
    const message = batchAppendMessage(id, stream, -2, { kind: 'appended', revision, position })
    const answer = pb.BatchAppendResp.deserializeBinary(message.subarray(5))
    const bytes = answer.getStreamIdentifier()?.getStreamName_asU8() ?? []
    return message.readUInt32BE(1) === message.length - 5 &&
      answer.getCorrelationId()?.getString() === id &&
      answer.getSuccess()?.getCurrentRevision() === String(revision) &&
      answer.getSuccess()?.getPosition()?.getCommitPosition() === String(position) &&
      answer.getSuccess()?.getPosition()?.getPreparePosition() === String(position) &&
      Buffer.from(bytes).toString() === Buffer.from(stream).toString()
  }))
})
