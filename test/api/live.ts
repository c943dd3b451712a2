import { once } from 'node:events'
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import { until } from './service.ts'

export interface Message {
  after: string
  event?: { id: string, position: string, action: string, actor: object }
}

/** A reader over a WebSocket. */
export interface Live {
  socket: WebSocket
  messages: Message[]
  /** The code that it was closed with. */
  closed: Promise<number>
  /** The positions of the events, as they came. */
  positions: () => string[]
}

/** Follows over a WebSocket; returns when the first message has come. */
export async function followLive (t: Test, url: string, key: string | undefined): Promise<Live> {
  const socket = connectLive(url, key)
  const messages: Message[] = []
  socket.on('message', (data) => { messages.push(JSON.parse(String(data))) })
  const closed = once(socket, 'close').then(([code]) => Number(code))
  t.teardown(() => { socket.terminate() })
  await until(async () => messages.length, (count) => count > 0)
  const positions = (): string[] => messages.flatMap(({ event }) => event?.position ?? [])
  return { socket, messages, closed, positions }
}

function connectLive (url: string, key: string | undefined): WebSocket {
  return new WebSocket(url.replace(/^http/, 'ws'), {
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` }
  })
}

/** The status with which a WebSocket is refused. */
export async function refusal (
  url: string, key: string | undefined
): Promise<{ status: number, body: string }> {
  const socket = connectLive(url, key)
  return await new Promise((resolve, reject) => {
    socket.on('open', () => {
      socket.terminate()
      reject(new Error('it was opened'))
    })
    socket.on('error', reject)
    socket.on('unexpected-response', (_request, response) => {
      let body = ''
      response.on('data', (chunk) => { body += String(chunk) })
      response.on('end', () => { resolve({ status: response.statusCode ?? 0, body }) })
    })
  })
}
