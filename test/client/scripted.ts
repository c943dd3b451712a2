import { createServer, type IncomingHttpHeaders } from 'node:http'
import { once } from 'node:events'
import type { Test } from 'tap'

/** A request as it came, and what the script answers: status, headers, body. */
export interface Seen {
  at: number
  headers: IncomingHttpHeaders
  events: Array<{ id: string, description?: string }>
}
export interface Told {
  status: number
  headers?: Record<string, string>
  body?: unknown
}

export interface Scripted {
  url: string
  seen: Seen[]
}

/** Receipts for everything, as the ledger would give them. */
export function receipts (events: Seen['events']): Told {
  return {
    status: 201,
    body: { items: events.map(({ id }) => ({ status: 201, receipt: { id, duplicate: false } })) }
  }
}

/**
 * What answers as told, request by request, then with receipts: for answers that a real ledger
 * and the real network give rarely. `undefined` as an answer resets the connection.
 */
export async function scripted (
  t: Test, script: Array<(events: Seen['events']) => Told | undefined>
): Promise<Scripted> {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      const events = JSON.parse(Buffer.concat(chunks).toString())
      const told = (script[seen.length] ?? receipts)(events)
      seen.push({ at: Date.now(), headers: request.headers, events })
      if (told === undefined) return request.socket.resetAndDestroy()
      const body = typeof told.body === 'string' ? told.body : JSON.stringify(told.body ?? {})
      response.writeHead(told.status, told.headers).end(body)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { url: `http://127.0.0.1:${port}`, seen }
}
