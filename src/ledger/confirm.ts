import { isExactly, type Encoded } from './codec.ts'
import type { Log, LogPosition } from './log.ts'
import { readEvent } from './read.ts'

/** Events read at once; so few that what is not needed of them is read rather than cancelled. */
const WINDOW = 64

interface Question {
  encoded: Encoded
  revision: bigint
  position: LogPosition
  resolve: (answer: boolean | Promise<boolean>) => void
  reject: (reason: unknown) => void
}

/** Whether the event of this id at a place in the log is exactly this one. */
export type Confirm = (
  encoded: Encoded, revision: bigint, position: LogPosition
) => Promise<boolean>

/**
 * Looks into the log for many appends at once: what was appended at the same time lies side by
 * side in `$all`, so one read answers for all of them. Throws LOG_UNAVAILABLE.
 */
export function createConfirm (log: Log): Confirm {
  let waiting: Question[] = []
  let running = false

  const run = async (): Promise<void> => {
    if (running) return
    running = true
    while (waiting.length > 0) {
      const questions = waiting
      waiting = []
      await answer(log, questions)
    }
    running = false
  }

  return async (encoded, revision, position) => await new Promise((resolve, reject) => {
    waiting.push({ encoded, revision, position, resolve, reject })
    queueMicrotask(() => { run().catch(reject) })
  })
}

async function answer (log: Log, questions: Question[]): Promise<void> {
  let rest = questions.sort((a, b) => a.position.commit < b.position.commit ? -1 : 1)
  try {
    for (let [first] = rest; first !== undefined; [first] = rest) {
      const left = await answerWindow(log, first.position, rest)
      // Not where it was said to be: then where its revision says.
      if (left.length === rest.length) left.shift()?.resolve(inStream(log, first))
      rest = left
    }
  } catch (err) {
    for (const { reject } of rest) reject(err)
  }
}

/** Answers what can be answered from one read; returns the rest. Both are in order. */
async function answerWindow (
  log: Log, from: LogPosition, questions: readonly Question[]
): Promise<Question[]> {
  const left = [...questions]
  for await (const recorded of log.readAll({ from, max: WINDOW })) {
    for (let [next] = left; next?.position.commit === recorded.position; [next] = left) {
      next.resolve(isExactly(recorded, next.encoded))
      left.shift()
    }
    if (left.length === 0) break
  }
  return left
}

async function inStream (log: Log, { encoded, revision }: Question): Promise<boolean> {
  const recorded = await readEvent(log, encoded.stream, revision)
  return recorded !== undefined && isExactly(recorded, encoded)
}
