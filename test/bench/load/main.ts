/** The load generator's process: takes one job after the other from its parent. */
import { runClosed } from './closed.ts'
import { runLive } from './live.ts'
import type { Job, JobMessage, JobReply } from './load.ts'
import { runOpen } from './open.ts'
import { runReplay } from './replay.ts'
import { runVisible } from './visible.ts'

function run (job: Job): Promise<unknown> {
  switch (job.kind) {
    case 'closed': return runClosed(job)
    case 'live': return runLive(job)
    case 'open': return runOpen(job)
    case 'visible': return runVisible(job)
    case 'replay': return runReplay(job)
  }
}

function reply (message: JobReply): void {
  process.send?.(message)
}

process.on('message', ({ id, job }: JobMessage) => {
  run(job).then(
    (result) => { reply({ id, result }) },
    (err: unknown) => { reply({ id, error: err instanceof Error ? err.message : String(err) }) }
  )
})
process.once('disconnect', () => { process.exit(0) })
// The terminal's Ctrl-C reaches every process; the parent ends this one when it is done.
process.on('SIGINT', () => {})
process.send?.({ type: 'ready' })
