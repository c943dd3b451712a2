import { PROJECTIONS } from '../../projections/index.ts'
import { createLog } from '../ledger/client.ts'
import { createLogger } from '../log.ts'
import { createPool } from '../postgres/pool.ts'
import { createRunner } from '../worker/runner.ts'
import type { Command } from './command.ts'
import { connectedConfigOf, DATA_FLAG, LOG_FLAG } from './flags.ts'
import { announceReady, stopSignal } from './shutdown.ts'
import { workerErasures } from './worker-erasures.ts'

const CONNECTIONS = 6

/** The projections, of which one worker is active, and erasures, which any worker carries out. */
export const work: Command = {
  name: 'work',
  summary: 'Runs the worker that builds the read models and erases; a second one stands by.',
  flags: { ...DATA_FLAG, ...LOG_FLAG },
  run: async (given) => {
    const config = connectedConfigOf(given)
    const stop = stopSignal()
    const logger = createLogger('worker', config.logLevel ?? 'info')
    const pool = createPool({
      url: config.databaseUrl, role: 'ledger_worker', pipeline: true, max: CONNECTIONS
    })
    const log = createLog({ url: config.eventstoreUrl })
    const runner = createRunner({ pool, log, projections: PROJECTIONS, logger, now: Date.now })
    const { erasures, close } = workerErasures({ ...config, log, logger })
    announceReady()
    try {
      await together([runner.run, erasures.run], stop)
    } finally {
      await close()
      await log.close()
      await pool.end()
    }
    return 0
  }
}

/** Runs all until the signal is aborted, or until one of them fails; throws what it threw. */
async function together (
  runs: ReadonlyArray<(signal: AbortSignal) => Promise<void>>, stop: AbortSignal
): Promise<void> {
  const failed = new AbortController()
  const signal = AbortSignal.any([stop, failed.signal])
  const results = await Promise.allSettled(runs.map(async (run) => {
    await run(signal).finally(() => { failed.abort() })
  }))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
