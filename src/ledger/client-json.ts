import type { EventData } from '@eventstore/db-client'
import type { LogEvent } from './log.ts'

const encoder = new TextEncoder()

/**
 * An event as the client takes it, its JSON already bytes. Throws TypeError for data that is not
 * JSON: inside the client it would leave a promise that never settles.
 */
export function clientEvent (event: LogEvent): EventData {
  const { id, type, metadata } = event
  const text = event.json ?? JSON.stringify(event.data)
  if (text === undefined) throw new TypeError(`event ${id}: its data is not JSON`)
  return new JsonBytes({
    id, type, data: encoder.encode(text), metadata: metadata && encodeJson(metadata)
  })
}

function encodeJson (value: object): Uint8Array {
  return encoder.encode(JSON.stringify(value))
}

/**
 * A JSON event whose data is sent as it is. The client would parse nothing, but stringify the
 * data, turn it into base64 and decode that again in JavaScript, twice: half of what an append
 * costs. It reads `contentType` once to label the message and then once to choose how to send it,
 * in both its ways of appending: the label says JSON, the way of sending is that of bytes.
 */
class JsonBytes {
  readonly id: string
  readonly type: string
  readonly data: Uint8Array
  readonly metadata: Uint8Array | undefined
  #labelled = false

  constructor (
    parts: { id: string, type: string, data: Uint8Array, metadata: Uint8Array | undefined }
  ) {
    this.id = parts.id
    this.type = parts.type
    this.data = parts.data
    this.metadata = parts.metadata
  }

  get contentType (): 'application/octet-stream' {
    const label: string = this.#labelled ? 'application/octet-stream' : 'application/json'
    this.#labelled = !this.#labelled
    return label as 'application/octet-stream'
  }
}
