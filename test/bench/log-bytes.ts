import { EventStoreDBClient } from '@eventstore/db-client'

/**
 * What the log was given to keep: data, metadata, type, stream name and the 16 bytes of the id of
 * every event that is not the log's own. Reads all of it with the official client.
 */
export async function storedBytes (
  connectionString: string
): Promise<{ events: number, bytes: number }> {
  const client = EventStoreDBClient.connectionString(connectionString)
  try {
    let events = 0
    let bytes = 0
    for await (const { event } of client.readAll()) {
      if (event === undefined || event.type.startsWith('$')) continue
      events++
      bytes += jsonBytes(event.data) + jsonBytes(event.metadata) + ID_BYTES +
        Buffer.byteLength(event.type) + Buffer.byteLength(event.streamId)
    }
    return { events, bytes }
  } finally {
    await client.dispose()
  }
}

const ID_BYTES = 16

function jsonBytes (value: unknown): number {
  return value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value))
}
