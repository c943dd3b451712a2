import type { WebSocket } from 'ws'
import type { Piece } from './follow.ts'

/** After how long a reader that was cut off shall come back. */
const RETRY_MS = 2_000
/** A reader that does not take a piece within so long is cut off; it comes back where it was. */
export const STALLED_MS = 30_000

const texts = new WeakMap<Piece, Buffer>()

/** Pieces as text/event-stream. `stalled` is told when the reader does not take one in time. */
export async function * asEventStream (
  pieces: AsyncIterable<Piece>, stalled: () => void
): AsyncGenerator<Buffer> {
  let isFirst = true
  for await (const piece of pieces) {
    const timer = setTimeout(stalled, STALLED_MS)
    const block = blockOf(piece)
    yield isFirst ? Buffer.concat([Buffer.from(`retry: ${RETRY_MS}\n`), block]) : block
    clearTimeout(timer)
    isFirst = false
  }
}

/** The bytes of a piece are made once for all who are sent it. */
function blockOf (piece: Piece): Buffer {
  const made = texts.get(piece)
  if (made !== undefined) return made
  const { events, seen } = piece
  // JSON has no line breaks of its own, so each event is one data line.
  const block = Buffer.from(events.length === 0
    ? `id: ${seen}\n: still here\n\n`
    : events.map(({ position, text }) => `id: ${position}\ndata: ${text}\n\n`).join(''))
  texts.set(piece, block)
  return block
}

/**
 * Sends pieces as messages, `{"after","event"}` each, or `{"after"}` and a ping as a sign of life.
 * Waits for the reader with every piece, and cuts off who does not take one in time or has not
 * answered the last ping.
 */
export async function sendMessages (
  socket: WebSocket, pieces: AsyncIterable<Piece>
): Promise<void> {
  let answered = true
  socket.on('pong', () => { answered = true })
  for await (const { events, seen } of pieces) {
    if (events.length === 0) {
      if (!answered) return socket.terminate()
      answered = false
      socket.ping()
    }
    const messages = events.length === 0
      ? [`{"after":"${seen}"}`]
      : events.map(({ position, text }) => `{"after":"${position}","event":${text}}`)
    await sendAll(socket, messages)
  }
}

/** Sends the messages; done when the last of them has left, or the socket is closed. */
async function sendAll (socket: WebSocket, messages: readonly string[]): Promise<void> {
  const last = messages.length - 1
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => { socket.terminate() }, STALLED_MS)
    for (const [index, message] of messages.entries()) {
      socket.send(message, () => {
        if (index < last) return
        clearTimeout(timer)
        resolve()
      })
    }
  })
}
