import type { JSONEventType, EventData } from '@eventstore/db-client'
import { jsonEvent } from '@eventstore/db-client'
import type { LogEvent } from './log.ts'

const encoder = new TextEncoder()

/**
 * An event as the client takes it. Throws TypeError for data that is not JSON: inside the client
 * it would leave a promise that never settles.
 */
export function jsonBytes (event: LogEvent): EventData {
  const { id, type, metadata } = event
  const text = event.json ?? JSON.stringify(event.data)
  if (text === undefined) throw new TypeError(`event ${id}: its data is not JSON`)
  return jsonEvent<JSONEventType>({
    id,
    type,
    data: JSON.parse(text),
    ...(metadata && { metadata: encoder.encode(JSON.stringify(metadata)) })
  })
}
