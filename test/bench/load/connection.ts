import { connect, type Socket } from 'node:net'

/** An answer; the bytes are only good until the callback returns. */
export interface Answer {
  readonly status: number
  readonly head: string
  readonly body: Buffer
}
export type OnAnswer = (answer: Answer) => void

const HEAD_END = Buffer.from('\r\n\r\n')
const CHUNKS_END = Buffer.from('0\r\n\r\n')
const ANSWER_MAX_BYTES = 64 * 1_048_576

/**
 * One kept-alive HTTP/1.1 connection, one request at a time, without pipelining. It knows as much
 * of the protocol as the servers measured here use: status, Content-Length, chunked bodies (left
 * in their framing). Cheap enough that the generator is not what is measured.
 */
export class Connection {
  readonly #socket: Socket
  #onAnswer: OnAnswer | undefined
  #onError: (err: Error) => void
  #received: Buffer = Buffer.alloc(0)

  private constructor (socket: Socket, onError: (err: Error) => void) {
    this.#socket = socket
    this.#onError = onError
    socket.on('data', (bytes) => { this.#take(bytes) })
    socket.on('error', (err) => { this.#onError(err) })
    socket.on('close', () => {
      if (this.#onAnswer !== undefined) this.#onError(new Error('the server closed the connection'))
    })
  }

  /** Resolves when connected to the port on the loopback interface. */
  static async open (port: number, onError: (err: Error) => void): Promise<Connection> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return new Connection(socket, onError)
  }

  /** Sends a complete request; the answer before must have come. */
  send (request: Buffer, onAnswer: OnAnswer): void {
    this.#onAnswer = onAnswer
    this.#socket.write(request)
  }

  close (): void {
    this.#onError = () => {}
    this.#socket.destroy()
  }

  #take (bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes])
    if (this.#received.length > ANSWER_MAX_BYTES) {
      this.#onError(new Error(`an answer of more than ${ANSWER_MAX_BYTES} bytes`))
      return
    }
    const answer = parseAnswer(this.#received)
    if (answer === undefined) return
    const onAnswer = this.#onAnswer
    this.#received = Buffer.alloc(0)
    this.#onAnswer = undefined
    onAnswer?.(answer)
  }
}

/** The answer, when all of it is there. RFC 9112 sections 4 and 6.3. */
export function parseAnswer (bytes: Buffer): Answer | undefined {
  const headEnd = bytes.indexOf(HEAD_END)
  if (headEnd < 0) return undefined
  const head = bytes.toString('latin1', 0, headEnd)
  const body = bytes.subarray(headEnd + HEAD_END.length)
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  const complete = length === undefined
    ? isBodiless(head) || (body.length >= CHUNKS_END.length &&
      body.subarray(body.length - CHUNKS_END.length).equals(CHUNKS_END))
    : body.length >= Number(length)
  return complete ? { status: Number(head.slice(9, 12)), head, body } : undefined
}

function isBodiless (head: string): boolean {
  return /^HTTP\/1\.1 (1\d\d|204|304)/.test(head)
}
