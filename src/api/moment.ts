import { isUtcTimestamp } from '../../schemas/primitives.ts'
import { refusal } from './validator.ts'

/** By which clock a time is meant: when the ledger recorded events, or when they happened. */
export type Axis = 'recorded' | 'occurred'

/** What somebody means by "at": one of these, inclusive; undefined: all that reads show. */
export type Moment =
  | { kind: 'revision', revision: bigint }
  | { kind: 'position', position: bigint }
  | { kind: 'time', time: string, axis: Axis }
  | { kind: 'latest' }

const REVISION = /^(?:revision:)?(0|[1-9][0-9]{0,17})$/
const POSITION = /^position:(0|[1-9][0-9]{0,17})$/

/** A moment as a query says it, under the parameter's name. */
export interface MomentText {
  name: string
  text: string | undefined
  axis?: Axis | undefined
}

/**
 * Reads `7` or `revision:7`, `position:1234`, or an RFC 3339 time in UTC. Refuses anything else,
 * and a time that has not come: nobody knows what will be.
 */
export function parseMoment (
  { name, text, axis = 'recorded' }: MomentText, now: number
): Moment {
  if (text === undefined) return { kind: 'latest' }
  const revision = REVISION.exec(text)?.[1]
  if (revision !== undefined) return { kind: 'revision', revision: BigInt(revision) }
  const position = POSITION.exec(text)?.[1]
  if (position !== undefined) return { kind: 'position', position: BigInt(position) }
  if (!isUtcTimestamp(text)) {
    throw refusal([{ pointer: name, detail: 'must be a revision, position:n or an RFC 3339 time' }])
  }
  if (Date.parse(text) > now) throw refusal([{ pointer: name, detail: 'has not come yet' }])
  return { kind: 'time', time: text, axis }
}
