/** Appends that leave in order over one call, many under way at a time. */
import { randomUUID } from 'node:crypto'
import empty from 'google-protobuf/google/protobuf/empty_pb.js'
import shared from '@eventstore/db-client/generated/shared_pb.js'
import streams from '@eventstore/db-client/generated/streams_pb.js'
import type { BatchCall, RawEvent } from './raw-client.ts'

/** Events of one stream with consecutive revisions. */
export type Run = readonly RawEvent[]

export interface OrderedAppends {
  /** Sends a run; waits only while too many are under way. */
  send (run: Run): Promise<void>
  /** Waits until everything that was sent is answered. */
  drain (): Promise<void>
  close (): void
}

/** What a run came to when the target refused it. */
export interface Refused {
  readonly run: Run
  readonly message: string
}

const IN_FLIGHT_MAX = 64

/**
 * Appends runs over a call. `onRefused` decides about a run that the target did not take: it throws
 * to end the migration.
 */
export function createOrderedAppends (
  call: BatchCall, onRefused: (refused: Refused) => void
): OrderedAppends {
  const waiting = new Map<string, { run: Run, done: () => void }>()
  const inFlight = new Set<Promise<void>>()
  const failures: Error[] = []

  function fail (error: unknown): void {
    failures.push(error instanceof Error ? error : new Error(String(error)))
    for (const { done } of waiting.values()) done()
    waiting.clear()
  }

  call.on('error', fail)
  call.on('data', (response: streams.BatchAppendResp) => {
    const id = response.getCorrelationId()?.getString() ?? ''
    const sent = waiting.get(id)
    if (sent === undefined) return
    waiting.delete(id)
    const error = response.getError()
    try {
      if (error !== undefined) onRefused({ run: sent.run, message: error.getMessage() })
    } catch (error) {
      fail(error)
    }
    sent.done()
  })

  async function settle (most: number): Promise<void> {
    while (inFlight.size > most && failures.length === 0) await Promise.race(inFlight)
    const [first] = failures
    if (first !== undefined) throw first
  }

  return {
    async send (run) {
      const id = randomUUID()
      const answered = new Promise<void>((resolve) => { waiting.set(id, { run, done: resolve }) })
        .finally(() => inFlight.delete(answered))
      inFlight.add(answered)
      call.write(batchRequest(id, run))
      await settle(IN_FLIGHT_MAX - 1)
    },
    drain: () => settle(0),
    close: () => { call.end() }
  }
}

function batchRequest (id: string, run: Run): streams.BatchAppendReq {
  const [first] = run
  const identifier = new shared.StreamIdentifier()
  identifier.setStreamName(Buffer.from(first?.stream ?? ''))
  const options = new streams.BatchAppendReq.Options()
  options.setStreamIdentifier(identifier)
  if (first === undefined || first.revision === 0n) options.setNoStream(new empty.Empty())
  else options.setStreamPosition(String(first.revision - 1n))
  const request = new streams.BatchAppendReq()
  request.setOptions(options)
  request.setCorrelationId(uuid(id))
  request.setProposedMessagesList(run.map(proposedMessage))
  request.setIsFinal(true)
  return request
}

function proposedMessage (event: RawEvent): streams.BatchAppendReq.ProposedMessage {
  const message = new streams.BatchAppendReq.ProposedMessage()
  message.setId(uuid(event.id))
  message.getMetadataMap().set('type', event.type).set('content-type', event.contentType)
  message.setCustomMetadata(event.metadata)
  message.setData(event.data)
  return message
}

function uuid (id: string): shared.UUID {
  const message = new shared.UUID()
  message.setString(id)
  return message
}
