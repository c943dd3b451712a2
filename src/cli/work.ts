import { PROJECTIONS } from '../../projections/index.ts'
import { createLog } from '../ledger/client.ts'
import { createLogger } from '../log.ts'
import { createPool } from '../postgres/pool.ts'
import { createRunner } from '../worker/runner.ts'
import type { Command } from './command.ts'
import { connectedConfigOf, DATA_FLAG, LOG_FLAG } from './flags.ts'
import { announceReady, stopSignal } from './shutdown.ts'

const CONNECTIONS = 6

/** The projections: one worker is active, others stand by. */
export const work: Command = {
  name: 'work',
  summary: 'Runs the worker that builds the read models; a second one stands by.',
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
    announceReady()
    try {
      await runner.run(stop)
    } finally {
      await log.close()
      await pool.end()
    }
    return 0
  }
}
