import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

import type { Test } from 'tap'

export interface Proxy {
  /** The same database, through the proxy. */
  readonly url: string
  /** Closes the way back of every connection, and the connection at the next answer. */
  dropAnswers (): void
  /** From now on nothing passes in either direction, and nobody is told. */
  stall (): void
}

/** Stands between a client and the server of the URL; every byte takes `delayMs` each way. */
export async function proxyTo (t: Test, url: string, delayMs = 0): Promise<Proxy> {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  let dropping = false
  let stalled = false
  const pass = (from: Socket, to: Socket, isAnswer: boolean): void => {
    sockets.add(from)
    from.on('error', () => {})
    from.on('close', () => { sockets.delete(from); to.destroy() })
    from.on('data', (chunk) => {
      if (stalled) return
      if (isAnswer && dropping) to.destroy()
      else setTimeout(() => { if (!to.destroyed) to.write(chunk) }, delayMs)
    })
  }
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    for (const socket of [client, upstream]) socket.setNoDelay(true)
    pass(client, upstream, false)
    pass(upstream, client, true)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const address = server.address()
  const through = new URL(url)
  through.port = String(address !== null && typeof address === 'object' ? address.port : 0)
  return {
    url: through.href,
    dropAnswers () { dropping = true },
    stall () { stalled = true }
  }
}
