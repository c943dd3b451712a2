import { FormatError } from '../proof/format.ts'
import type { Signer } from '../proof/keys.ts'
import { verifyConsistency } from '../proof/merkle-proof.ts'
import { cosign, formatSignature, parseNote } from '../proof/note.ts'
import { judgeCheckpoint } from '../proof/trust.ts'
import type { KnownLogs } from './logs.ts'
import { parseAddCheckpoint, type AddCheckpoint } from './request.ts'
import type { WitnessState } from './state.ts'

export interface WitnessOptions {
  /** A key of type cosignature/v1. */
  signer: Signer
  logs: KnownLogs
  state: WitnessState
  /** Milliseconds since 1970. */
  now: () => number
  /** Called between the steps; what it throws ends the request there. Only tests give one. */
  fault?: ((step: string) => void | Promise<void>) | undefined
}

/** An answer of HTTP. */
export interface Answer {
  status: 200 | 400 | 403 | 404 | 409 | 422
  type: string
  body: string
}

export interface Witness {
  /** Answers one request: C2SP tlog-witness, "add-checkpoint". Throws if it cannot remember. */
  addCheckpoint (body: Uint8Array): Promise<Answer>
}

const TEXT = 'text/plain; charset=utf-8'
const SIZE = 'text/x.tlog.size'

/** A witness: it cosigns nothing that does not continue what it has cosigned before. */
export function createWitness (options: WitnessOptions): Witness {
  const turns = new Map<string, Promise<unknown>>()
  return {
    async addCheckpoint (body) {
      let request: AddCheckpoint
      try {
        request = parseAddCheckpoint(body)
      } catch (err) {
        if (!(err instanceof FormatError)) throw err
        return refusal(400, err.message)
      }
      const { origin } = request.checkpoint
      const refused = await judge(options, request)
      if (refused !== undefined) return refused
      // Comparing and remembering is one step for each log.
      const before = turns.get(origin) ?? Promise.resolve()
      const turn = before.catch(() => undefined).then(async () => await decide(options, request))
      turns.set(origin, turn)
      try {
        return await turn
      } finally {
        if (turns.get(origin) === turn) turns.delete(origin)
      }
    }
  }
}

/** Why the request is refused whatever was cosigned before; undefined if it is not. */
async function judge (
  { logs }: WitnessOptions, { old, note, checkpoint: { origin, size } }: AddCheckpoint
): Promise<Answer | undefined> {
  const known = (await logs.all()).filter(({ key }) => key.name === origin)
  if (known.length === 0) return refusal(404, `${origin} is not known here`)
  const policy = { logs: known, witnesses: [], groups: [], quorum: 'none' }
  const [finding] = judgeCheckpoint(note, policy).findings
  if (finding !== undefined) return refusal(403, finding.message)
  return old > size ? refusal(400, `the old size ${old} is above ${size}`) : undefined
}

async function decide (
  { signer, state, now, fault = () => undefined }: WitnessOptions,
  { old, proof, note, checkpoint: { origin, size, root } }: AddCheckpoint
): Promise<Answer> {
  const remembered = await state.last(origin)
  const last = remembered?.checkpoint
  const known = last?.size ?? 0n
  if (old !== known || (last !== undefined && size === known && !root.equals(last.root))) {
    return conflict(known)
  }
  const claim = { first: old, second: size, firstRoot: last?.root ?? NOTHING, secondRoot: root }
  if (last === undefined ? proof.length > 0 : !verifyConsistency(claim, proof)) {
    return refusal(422, `it is not shown that the tree of ${size} leaves continues that of ${old}`)
  }
  await fault('checked')
  if (!await state.remember(origin, note, remembered)) {
    return conflict((await state.last(origin))?.checkpoint.size ?? known)
  }
  await fault('remembered')
  const time = BigInt(Math.floor(now() / 1000))
  const body = formatSignature(await cosign(parseNote(note).text, signer, time))
  await fault('cosigned')
  return { status: 200, type: TEXT, body }
}

const NOTHING = Buffer.alloc(0)

/** C2SP tlog-witness: what the log is told of how far it is. */
function conflict (size: bigint): Answer {
  return { status: 409, type: SIZE, body: `${size}\n` }
}

function refusal (status: 400 | 403 | 404 | 422, message: string): Answer {
  return { status, type: TEXT, body: `${message}\n` }
}
