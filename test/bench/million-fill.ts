import type { EventInput } from '../../schemas/events/index.ts'
import { seededRandom } from '../../src/sample/random.ts'
import type { System } from './bench.ts'
import { userOf, USERS } from './generator.ts'
import { mustCall } from './http.ts'
import type { Load } from './load/load.ts'
import { nextId } from './load/requests.ts'
import { failureNote } from './sample.ts'

/** How filling went. */
export interface Fill {
  /** As many as were asked for, or a few more. */
  events: number
  ingestedPerSecond: number
  /** From the last answer until everything could be read. */
  settleSeconds: number
  /** Over the time of all requests, and until everything could be read. */
  projectedPerSecond: number
}

/** Events of one seed; the generator makes them ready before each step. */
const STEP = 50_000
const BATCH = 200
const CONNECTIONS = 8
const STEP_SECONDS_MAX = 3_600
const SEED = 1_000
/** Share of events of the categories that the generator leaves out. */
const OTHERS = 0.02
const OTHERS_BATCH = 1_000

/** Gives a ledger so many events of all categories, and waits until all can be read. */
export async function fillLedger (
  load: Load, system: System, { events, say }: { events: number, say: (line: string) => void }
): Promise<Fill> {
  const startedAt = performance.now()
  let filled = Math.ceil(events * OTHERS)
  await appendOthers(system, filled)
  let ingestSeconds = (performance.now() - startedAt) / 1_000
  for (let step = 1; filled < events; step++) {
    const tally = await load.run({
      kind: 'closed',
      port: system.port,
      connections: CONNECTIONS,
      seconds: STEP_SECONDS_MAX,
      requestsMax: Math.ceil(Math.min(STEP, events - filled) / BATCH),
      source: {
        kind: 'appends', seed: SEED + step, batch: BATCH, credentials: system.credentials
      }
    })
    const failure = failureNote(tally)
    if (failure !== undefined) throw new Error(`filling: ${failure}`)
    filled += tally.answered * BATCH
    ingestSeconds += tally.seconds
    say(`${filled} events after ${ingestSeconds.toFixed(0)} s`)
  }
  const settleSeconds = await system.settle()
  return {
    events: filled,
    ingestedPerSecond: filled / ingestSeconds,
    settleSeconds,
    projectedPerSecond: filled / (ingestSeconds + settleSeconds)
  }
}

/** Sign-ins, calls of others, the system's own events and tasks, of the largest tenant. */
async function appendOthers ({ port, credentials }: System, count: number): Promise<void> {
  const random = seededRandom(SEED)
  for (let done = 0; done < count; done += OTHERS_BATCH) {
    const size = Math.min(OTHERS_BATCH, count - done)
    await mustCall(`http://127.0.0.1:${port}/v1/events`, {
      method: 'POST',
      credential: credentials[0] ?? '',
      body: Array.from({ length: size }, (_, n) => {
        return { ...otherEvent(done + n, random.between(0, USERS - 1)), id: nextId() }
      })
    })
  }
}

function otherEvent (n: number, rank: number): EventInput {
  const actor = userOf(n % 2 === 0 ? rank % 20 : rank)
  switch (n % 4) {
    case 0: return {
      action: 'auth.login',
      category: 'auth',
      actor,
      outcome: n % 8 === 0 ? 'failure' : 'success',
      data: { method: 'password' }
    }
    case 1: return {
      action: 'payment.requested',
      category: 'external',
      actor,
      outcome: 'success',
      data: { service: 'payments', endpoint: '/charge', statusCode: 200, durationMs: n % 900 }
    }
    case 2: return {
      action: 'job.finished',
      category: 'system',
      actor: { type: 'system' },
      outcome: 'success',
      data: { severity: 'info', component: `job-${n % 12}` }
    }
    default: return {
      action: 'import.progressed',
      category: 'task',
      actor,
      entity: { type: 'import', id: `imp-${n % 5_000}` },
      outcome: 'success',
      data: { taskType: 'import', status: n % 3 === 0 ? 'done' : 'running' }
    }
  }
}
