import type { Recorded } from '../../../schemas/recorded.ts'
import type { Log } from '../../ledger/log.ts'
import type { StreamPlace } from '../place.ts'
import { createTurns } from '../turns.ts'

/** Where an event is in its stream. */
type Place = Pick<StreamPlace, 'stream' | 'revision'>

/** Streams of the log that are read at once. */
const READING_MAX = 16

/** The events of leaves by position, each from its stream; neighbours there are read together. */
export async function pickEvents (
  log: Log, leaves: readonly Place[]
): Promise<ReadonlyMap<bigint, Recorded>> {
  const turn = createTurns(READING_MAX)
  const found = new Map<bigint, Recorded>()
  await Promise.all(runsOf(leaves).map(async ({ stream, from, max }) => await turn(async () => {
    for await (const event of log.readStream(stream, { from, max })) {
      found.set(event.position, event)
    }
  })))
  return found
}

interface StreamRun {
  stream: string
  from: bigint
  max: number
}

function runsOf (leaves: readonly Place[]): StreamRun[] {
  const runs: StreamRun[] = []
  const open = new Map<string, StreamRun>()
  for (const { stream, revision } of leaves) {
    const run = open.get(stream)
    if (run !== undefined && run.from + BigInt(run.max) === revision) {
      run.max++
      continue
    }
    const next = { stream, from: revision, max: 1 }
    open.set(stream, next)
    runs.push(next)
  }
  return runs
}
