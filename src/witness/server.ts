import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { BODY_BYTES_MAX } from './request.ts'
import type { Witness } from './witness.ts'

export interface WitnessServerOptions {
  witness: Witness
  /** Told of every answer: what came of it, for the operator. */
  onAnswer: (said: { status: number, detail: string }) => void
  /** Told of what kept it from answering; the caller was told 500 and no more. */
  onError: (err: unknown) => void
}

const PATH = '/add-checkpoint'
const REQUEST_TIMEOUT_MS = 10_000
const CONNECTIONS_MAX = 256

/** HTTP around a witness: C2SP tlog-witness, "HTTP Interface". Not listening yet. */
export function witnessServer ({ witness, onAnswer, onError }: WitnessServerOptions): Server {
  const server = createServer({
    requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS
  }, (request, response) => {
    answer(witness, request).then(({ status, type, body }) => {
      onAnswer({ status, detail: body.trim() })
      send(response, status, type, body)
    }, (err: unknown) => {
      onError(err)
      send(response, 500, 'text/plain', 'the witness cannot answer now\n')
    })
  })
  server.maxConnections = CONNECTIONS_MAX
  return server
}

async function answer (
  witness: Witness, request: IncomingMessage
): Promise<{ status: number, type: string, body: string }> {
  const pathname = pathOf(request.url ?? '/')
  if (pathname === undefined) return plain(400, 'the request target is no URL')
  if (pathname !== PATH) return plain(404, `there is nothing here but POST ${PATH}`)
  if (request.method !== 'POST') return plain(405, 'only POST')
  const body = await bodyOf(request)
  if (body === undefined) return plain(413, `more than ${BODY_BYTES_MAX} bytes`)
  return await witness.addCheckpoint(body)
}

/** Undefined for a target that is no URL: `//` has an empty host. */
function pathOf (target: string): string | undefined {
  try {
    return new URL(target, 'http://witness').pathname
  } catch {
    return undefined
  }
}

function plain (status: number, message: string): { status: number, type: string, body: string } {
  return { status, type: 'text/plain; charset=utf-8', body: `${message}\n` }
}

/** Undefined for one that is too long, of which no more is read. */
async function bodyOf (request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function send (response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    ...(status === 405 ? { allow: 'POST' } : {}),
    ...(status === 413 ? { connection: 'close' } : {})
  })
  response.end(body)
}
