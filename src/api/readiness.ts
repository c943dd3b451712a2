import type { Readiness } from '../../schemas/http/ops.ts'
import { ERRORS } from '../errors.ts'
import type { Services } from './services.ts'
import { LOG_REGRESSION_STATE, readState, type LedgerState } from './state.ts'

/** Each part may take so long to answer: who asks has a time-out of its own. */
export const READY_TIMEOUT_MS = 1_000
/** A worker that said nothing for so long does not work. */
export const WORKER_SILENT_S = 15

/** States of a worker that does its work, if perhaps not up to date yet. */
const WORKING = new Set(['starting', 'catching-up', 'live'])

/**
 * Asks every part, for a second at most. Out of date reads degrade the service, as it still
 * takes events; a missing part, or a log that lost events, fails it.
 */
export async function checkReadiness (services: Services): Promise<Readiness> {
  const { pool, log, metrics } = services
  const [database, logPart] = await Promise.all([
    part(async () => await pool.query('select 1')), part(async () => await log.head())
  ])
  metrics.databaseUp.set(Number(database.status === 'ok'))
  metrics.logUp.set(Number(logPart.status === 'ok'))
  const { readModels, integrity, witnesses }: Said =
    database.status === 'ok' && logPart.status === 'ok'
      ? await checkReadModels(services)
      : { readModels: CANNOT_BE_ASKED, integrity: CANNOT_BE_ASKED }
  const failed = database.status === 'failed' || logPart.status === 'failed' ||
    readModels.worker?.state === LOG_REGRESSION_STATE
  const sound = readModels.status === 'ok' && integrity.status === 'ok' &&
    witnesses?.status !== 'failed'
  const status = failed ? 'failed' : sound ? 'ready' : 'degraded'
  return {
    status, database, log: logPart, integrity, readModels, ...(witnesses && { witnesses })
  }
}

type Part = Readiness['database']

/** What the worker says; no part for witnesses where there are none. */
interface Said extends Pick<Readiness, 'readModels' | 'integrity'> {
  witnesses?: Part | undefined
}

async function checkReadModels (services: Services): Promise<Said> {
  const { pool, log, metrics } = services
  try {
    const state = await within(readState(pool, log))
    const { worker, lag, parked, projections } = state
    const integrity = integrityOf(state)
    metrics.refusedTrees.set(state.refused + Number(state.contradiction))
    metrics.witnessesAway.set(state.witnessesAway)
    metrics.scrubFindings.set(state.scrubFindings)
    metrics.scrubShare.set(state.scrubShare)
    metrics.contradictedTrees.set(state.contradicted)
    // Words that are for those who may see projections, not for everybody.
    delete worker.reason
    metrics.lag.set(Number(lag))
    metrics.parkedEvents.set(parked)
    const known = { worker, lag: String(lag), parked }
    const problem = problemOf(worker, projections.length)
    const rest = { integrity, witnesses: witnessesOf(state) }
    if (problem === undefined) return { readModels: { status: 'ok', ...known }, ...rest }
    return { readModels: { status: 'failed', problem, ...known }, ...rest }
  } catch (err) {
    const part = { status: 'failed' as const, problem: said(err) }
    return { readModels: part, integrity: part }
  }
}

/** Which tenant it is about, and what differs, is in the worker's log and in its history. */
function integrityOf (
  { refused, contradiction, contradicted, scrubFindings }: LedgerState
): Readiness['integrity'] {
  if (refused > 0) {
    return { status: 'failed', problem: `${refused} trees are inconsistent: nothing is signed` }
  }
  if (contradicted > 0) {
    return { status: 'failed', problem: `a witness has seen ${contradicted} trees otherwise` }
  }
  if (scrubFindings > 0) {
    return { status: 'failed', problem: `the log and its rows differ in ${scrubFindings} places` }
  }
  return contradiction
    ? { status: 'failed', problem: 'rebuilt rows are not those that were signed' }
    : { status: 'ok' }
}

function witnessesOf ({ witnesses, witnessesAway }: LedgerState): Part | undefined {
  if (witnesses === 0) return undefined
  return witnessesAway === 0
    ? { status: 'ok' }
    : { status: 'failed', problem: `${witnessesAway} of ${witnesses} witnesses do not cosign` }
}

function problemOf (
  { state, silentSeconds }: { state: string, silentSeconds: number }, projections: number
): string | undefined {
  if (state === LOG_REGRESSION_STATE) return ERRORS.LOG_REGRESSION.title
  if (silentSeconds > WORKER_SILENT_S) {
    return `no worker has reported for ${Math.round(silentSeconds)} s: reads are out of date`
  }
  if (!WORKING.has(state)) return `the worker says: ${state}; reads are out of date`
  return projections === 0 ? 'no worker has made the read models yet' : undefined
}

async function part (ask: () => Promise<unknown>): Promise<Part> {
  try {
    await within(ask())
    return { status: 'ok' }
  } catch (err) {
    return { status: 'failed', problem: said(err) }
  }
}

const CANNOT_BE_ASKED: Readiness['readModels'] = {
  status: 'failed', problem: 'cannot be asked meanwhile'
}

class Late extends Error {}

async function within<T> (work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => { reject(new Late()) }, READY_TIMEOUT_MS)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** The answer is public: it says what is wrong, and no addresses. */
function said (err: unknown): string {
  return err instanceof Late ? `no answer within ${READY_TIMEOUT_MS} ms` : 'cannot be reached'
}
