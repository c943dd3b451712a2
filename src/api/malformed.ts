import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { uuidv7 } from 'uuidv7'
import { LedgerError } from '../errors.ts'
import { PROBLEM_TYPE, problemOf } from './problems.ts'

/** Node's codes of requests that never became one, and the status that says so. */
const STATUS: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408
}

/** Answers what is no HTTP, or came too slowly, and hangs up. */
export function refuseMalformed (err: Error & { code?: string }, socket: Socket): void {
  if (err.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const status = STATUS[err.code ?? ''] ?? 400
  const id = uuidv7()
  const title = STATUS_CODES[status] ?? ''
  const problem = { ...problemOf(new LedgerError('INVALID_REQUEST', title), id), status }
  const body = JSON.stringify(problem)
  socket.end([
    `HTTP/1.1 ${status} ${title}`, `content-type: ${PROBLEM_TYPE}`, `x-request-id: ${id}`,
    `content-length: ${Buffer.byteLength(body)}`, 'connection: close', '', body
  ].join('\r\n'))
}
