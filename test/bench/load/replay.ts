import { connect } from 'node:net'
import { getRequest } from './requests.ts'

/** Reads one answer of newline-delimited JSON to its end and counts the lines. */
export interface ReplayJob {
  readonly kind: 'replay'
  readonly port: number
  readonly path: string
  readonly credential: string
  /** The answer is cut off after so long. */
  readonly secondsMax: number
}

export interface Replayed {
  readonly lines: number
  readonly bytes: number
  readonly seconds: number
  readonly status: number
  readonly complete: boolean
}

const NEWLINE = 0x0A
const RETURN = 0x0D
/** How a chunked body ends: RFC 9112 section 7.1. */
const CHUNKS_END = '0\r\n\r\n'

export async function runReplay (job: ReplayJob): Promise<Replayed> {
  const socket = connect({ host: '127.0.0.1', port: job.port, noDelay: true })
  const startedAt = performance.now()
  let lines = 0
  let bytes = 0
  let status = 0
  let tail = ''
  let last = 0
  const finished = new Promise<boolean>((resolve) => {
    const late = setTimeout(() => { resolve(false) }, job.secondsMax * 1_000)
    const end = (complete: boolean): void => { clearTimeout(late); resolve(complete) }
    socket.on('data', (part: Buffer) => {
      if (bytes === 0) status = Number(part.toString('latin1', 9, 12))
      bytes += part.length
      lines += linesIn(part, last)
      last = part[part.length - 1] ?? last
      tail = (tail + part.subarray(-CHUNKS_END.length).toString('latin1')).slice(-CHUNKS_END.length)
      if (tail === CHUNKS_END) end(true)
    })
    socket.once('error', () => { end(false) })
    socket.once('close', () => { end(false) })
  })
  socket.write(getRequest(job.path, job.credential))
  const complete = await finished
  socket.destroy()
  return { lines, bytes, seconds: (performance.now() - startedAt) / 1_000, status, complete }
}

/** Line ends that belong to the content: those of head and chunk framing follow a return. */
function linesIn (part: Buffer, before: number): number {
  let count = 0
  for (let at = part.indexOf(NEWLINE); at >= 0; at = part.indexOf(NEWLINE, at + 1)) {
    if ((at === 0 ? before : part[at - 1]) !== RETURN) count++
  }
  return count
}
