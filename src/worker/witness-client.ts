import { FormatError, parseDecimal } from '../proof/format.ts'
import type { VerifierKey } from '../proof/keys.ts'
import { formatSignature, parseNote, parseSignature, verifyNote } from '../proof/note.ts'

/** A witness that is asked for cosignatures. */
export interface WitnessAddress {
  /** Its name in the policy. */
  name: string
  key: VerifierKey
  /** C2SP tlog-witness: the submission prefix. */
  url: string
}

/** The checkpoint that is to be cosigned. */
export interface HeadToCosign {
  tenant: string
  origin: string
  size: bigint
  /** The signed note. */
  note: string
}

/** It cannot be reached, or what it says is not the protocol. */
export class WitnessAway extends Error {}

/** It answers, and will not cosign checkpoints of this log: it does not know it, or its key. */
export class WitnessRefuses extends Error {}

/** It has cosigned a larger tree of this log than the one that it is asked to cosign. */
export class WitnessAhead extends Error {
  readonly size: bigint

  constructor (message: string, size: bigint) {
    super(message)
    this.size = size
  }
}

/** It has cosigned a tree of this log that ours does not continue. */
export class WitnessContradicts extends Error {}

export interface WitnessClientOptions {
  witness: WitnessAddress
  /** A consistency proof of the tenant's tree, RFC 9162 section 2.1.4. */
  prove: (tenant: string, from: bigint, to: bigint) => Promise<readonly Buffer[]>
  timeoutMs?: number | undefined
}

export interface WitnessClient {
  /** The cosignature's line. Throws one of the above, or what `prove` throws. */
  cosign (head: HeadToCosign, signal: AbortSignal): Promise<string>
}

const TIMEOUT_MS = 5_000
const ANSWER_CHARS_MAX = 65_536
/** The size that it tells may be out of date at once, if another worker asks as well. */
const TRIES = 3

/** A client of one witness, which remembers what that has seen. */
export function createWitnessClient (options: WitnessClientOptions): WitnessClient {
  const known = new Map<string, bigint>()
  return {
    async cosign (head, signal) {
      const { origin, size } = head
      for (let tries = 0; tries < TRIES; tries++) {
        const old = known.get(origin) ?? 0n
        const told = await ask(options, { head, old, signal })
        if ('line' in told) {
          known.set(origin, size)
          return told.line
        }
        const { name } = options.witness
        if (told.size > size) {
          throw new WitnessAhead(`${name} has cosigned ${told.size} leaves of ${origin}`, told.size)
        }
        if (told.size === old) {
          throw new WitnessContradicts(`${name} has cosigned another tree of ${old} leaves`)
        }
        known.set(origin, told.size)
      }
      throw new WitnessAway('it says another size each time')
    }
  }
}

type Told = { line: string } | { size: bigint }

interface Asking {
  head: HeadToCosign
  old: bigint
  signal: AbortSignal
}

async function ask (
  options: WitnessClientOptions, { head, old, signal }: Asking
): Promise<Told> {
  const { witness, prove } = options
  const { tenant, size, note } = head
  const proof = old === 0n || old >= size ? [] : await prove(tenant, old, size)
  const lines = proof.map((hash) => `${hash.toString('base64')}\n`).join('')
  const { status, text } = await post(options, `old ${old}\n${lines}\n${note}`, signal)
  try {
    if (status === 200) return { line: cosignatureIn(text, note, witness.key) }
    if (status === 409) return { size: parseDecimal(text.replace(/\n$/, ''), 'size') }
    // Its size is above ours: 400 comes before 409.
    if (status === 400 && old > size) return { size: old }
  } catch (err) {
    if (!(err instanceof FormatError)) throw err
    throw new WitnessAway(`it answers ${status} with something else: ${err.message}`)
  }
  const said = `it answers ${status}: ${text.slice(0, 200).trim()}`
  if (status === 422) {
    // The same words each time, however the tree grows: they are recorded once.
    throw new WitnessContradicts(
      `${witness.name} has cosigned ${old} leaves that the tree is not shown to continue`)
  }
  throw status >= 400 && status < 500 ? new WitnessRefuses(said) : new WitnessAway(said)
}

async function post (
  { witness: { url }, timeoutMs = TIMEOUT_MS }: WitnessClientOptions, body: string,
  signal: AbortSignal
): Promise<{ status: number, text: string }> {
  // By hand: AbortSignal.any lets go of a timeout that nobody else holds, which then never comes.
  const given = new AbortController()
  const stop = (): void => { given.abort(signal.reason) }
  const timer = setTimeout(() => {
    given.abort(new Error(`no answer in ${timeoutMs} ms`))
  }, timeoutMs)
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  try {
    const answer = await fetch(new URL('add-checkpoint', url.endsWith('/') ? url : `${url}/`), {
      method: 'POST', body, redirect: 'error', signal: given.signal
    })
    return { status: answer.status, text: await textOf(answer) }
  } catch (err) {
    const { cause } = err instanceof Error ? err : { cause: undefined }
    throw new WitnessAway(String(cause instanceof Error ? cause.message : err))
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
  }
}

/** Throws for an answer that is longer than any of the protocol. */
async function textOf ({ body }: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk, { stream: true })
    if (text.length > ANSWER_CHARS_MAX) throw new Error('its answer is too long')
  }
  return text + decoder.decode()
}

/** The line of its key; others are none of ours. Throws FormatError unless its signature holds. */
function cosignatureIn (answer: string, note: string, key: VerifierKey): string {
  if (!answer.endsWith('\n')) throw new FormatError('no whole line')
  const signatures = answer.slice(0, -1).split('\n').map(parseSignature)
    .filter(({ name, id }) => name === key.name && id === key.id)
  const [signature] = signatures
  const { verified, failed } = verifyNote({ text: parseNote(note).text, signatures }, [key])
  if (signature === undefined || failed.length > 0 || verified.length === 0) {
    throw new FormatError(`no signature of ${key.name}+${key.id} that holds`)
  }
  return formatSignature(signature)
}
