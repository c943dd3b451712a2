import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import type { WebhookMessage } from '../../schemas/webhook.ts'

/** A message as it came. */
export interface Received {
  path: string
  headers: http.IncomingHttpHeaders
  body: string
  message: WebhookMessage
}

/** How it is answered: a status, or something else that the handler does with the answer. */
export type Reply = number | ((response: http.ServerResponse) => void)

export interface Receiver {
  url: string
  received: Received[]
  /** Of all messages, in order. */
  ids (): string[]
  /** What the next ones are answered; 204 if nobody says. */
  answer: (message: Received) => Reply
  close (): Promise<void>
}

/** A receiver on loopback, closed with the test. */
export async function receiver (t: Test): Promise<Receiver> {
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => { chunks.push(chunk) })
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      const { url: path = '', headers } = request
      const message = { path, headers, body, message: JSON.parse(body) }
      const reply = self.answer(message)
      self.received.push(message)
      if (typeof reply === 'number') response.writeHead(reply).end()
      else reply(response)
    })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const { port } = server.address() as AddressInfo
  const self: Receiver = {
    url: `http://127.0.0.1:${port}/hook`,
    received: [],
    ids: () => self.received.map(({ headers }) => String(headers['webhook-id'])),
    answer: () => 204,
    async close () {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }
  t.teardown(self.close)
  return self
}
