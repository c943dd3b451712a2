import { connect, createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import type { Test } from 'tap'

/** What the proxy does with bytes; both directions alike. */
export interface Faults {
  /** How long every chunk is held back. */
  latencyMs: number
  /** Bytes are taken and never passed on; connections stay open. */
  blackHole: boolean
  /** New connections are reset at once. */
  refuse: boolean
}

export interface FaultProxy {
  /** On 127.0.0.1. */
  readonly port: number
  /** Changed at will; what is under way feels it with its next chunk. */
  readonly faults: Faults
  /** Bytes that clients sent and servers answered, over all connections. */
  readonly sent: number
  readonly answered: number
  /** Resets all connections now. */
  cut (): void
  /** Resets the connection on which so many further bytes pass in that direction; once. */
  cutAfter (direction: 'sent' | 'answered', bytes: number): void
}

interface State {
  faults: Faults
  sent: number
  answered: number
  cutAt: { direction: 'sent' | 'answered', total: number } | undefined
  pairs: Set<readonly [Socket, Socket]>
}

/** A URL that leads to a server through a proxy before it. */
export function through (url: string, { port }: FaultProxy): string {
  const proxied = new URL(url)
  proxied.port = String(port)
  return proxied.href
}

/** A TCP proxy on loopback before a server's port, that breaks things on demand. */
export async function faultProxy (t: Test, targetPort: number): Promise<FaultProxy> {
  const state: State = {
    faults: { latencyMs: 0, blackHole: false, refuse: false },
    sent: 0,
    answered: 0,
    cutAt: undefined,
    pairs: new Set()
  }
  const server = createServer((client) => {
    client.on('error', () => undefined)
    if (state.faults.refuse) client.resetAndDestroy()
    else join(state, client, connect(targetPort, '127.0.0.1'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = (): void => {
    for (const pair of state.pairs) for (const socket of pair) socket.resetAndDestroy()
  }
  t.teardown(async () => {
    server.close()
    cut()
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    faults: state.faults,
    get sent () { return state.sent },
    get answered () { return state.answered },
    cut,
    cutAfter (direction, bytes) { state.cutAt = { direction, total: state[direction] + bytes } }
  }
}

function join (state: State, client: Socket, server: Socket): void {
  const pair = [client, server] as const
  state.pairs.add(pair)
  const end = (): void => {
    state.pairs.delete(pair)
    for (const socket of pair) socket.destroy()
  }
  for (const socket of pair) socket.setNoDelay(true).on('error', end).on('close', end)
  forward(state, { from: client, to: server, direction: 'sent' })
  forward(state, { from: server, to: client, direction: 'answered' })
}

function forward (
  state: State, way: { from: Socket, to: Socket, direction: 'sent' | 'answered' }
): void {
  const { from, to, direction } = way
  from.on('data', (chunk: Buffer) => {
    if (state.faults.blackHole) return
    const { cutAt } = state
    const room = cutAt?.direction === direction ? cutAt.total - state[direction] : Infinity
    const passed = chunk.subarray(0, Math.max(0, room))
    state[direction] += passed.length
    pass(to, passed, state.faults.latencyMs)
    if (passed.length === chunk.length) return
    state.cutAt = undefined
    // What was passed must arrive before the reset does.
    setTimeout(() => {
      from.resetAndDestroy()
      to.resetAndDestroy()
    }, state.faults.latencyMs + 5)
    from.pause()
  })
}

function pass (to: Socket, chunk: Buffer, latencyMs: number): void {
  if (chunk.length === 0 || to.destroyed) return
  if (latencyMs === 0) to.write(chunk)
  else setTimeout(() => { if (!to.destroyed) to.write(chunk) }, latencyMs)
}
