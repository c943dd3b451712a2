import type { Child } from '../child.ts'
import type { ClosedJob } from './closed.ts'
import type { Live, LiveJob } from './live.ts'
import type { OpenJob } from './open.ts'
import type { Replayed, ReplayJob } from './replay.ts'
import type { Tally } from './tally.ts'
import type { Visible, VisibleJob } from './visible.ts'

export type Job = ClosedJob | LiveJob | OpenJob | ReplayJob | VisibleJob
export interface JobMessage { readonly id: number, readonly job: Job }
export interface JobReply {
  readonly id: number
  readonly result?: unknown
  readonly error?: string
}

/** Job -> what comes of it. */
interface Results {
  closed: Tally
  live: Live
  open: Tally
  visible: Visible
  replay: Replayed
}

/** The load generator, as the parent sees it. */
export interface Load {
  readonly pid: number
  /** Runs one job; throws if the generator could not. */
  run<J extends Job> (job: J): Promise<Results[J['kind']]>
}

/** Speaks to a child that runs `load/main.ts`. */
export function loadOf (child: Child): Load {
  let lastId = 0
  return {
    pid: child.pid,
    async run<J extends Job> (job: J) {
      const id = ++lastId
      const reply = await child.ask<JobReply>({ id, job }, (message) => message.id === id)
      if (reply.error !== undefined) throw new Error(`load generator: ${reply.error}`)
      return reply.result as Results[J['kind']]
    }
  }
}
