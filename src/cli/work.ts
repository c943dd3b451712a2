import { uuidv7 } from 'uuidv7'
import { PROJECTIONS } from '../../projections/index.ts'
import { createLog } from '../ledger/client.ts'
import { createLogger } from '../log.ts'
import { createPool } from '../postgres/pool.ts'
import { createCosigner } from '../worker/cosigner.ts'
import { createScrubber } from '../worker/scrubber.ts'
import { createSealer, type Sealer } from '../worker/sealer.ts'
import { fileSealingKeys } from '../worker/sealing-key.ts'
import type { WorkerState } from '../worker/status.ts'
import { createRunner } from '../worker/runner.ts'
import type { Command } from './command.ts'
import { connectedConfigOf, DATA_FLAG, LOG_FLAG } from './flags.ts'
import { announceReady, stopSignal } from './shutdown.ts'
import { witnessPolicy } from './witness-policy.ts'
import { workerDecisions } from './worker-decisions.ts'
import { workerWebhooks } from './worker-webhooks.ts'

const CONNECTIONS = 8
const DAY_MS = 86_400_000
const PROJECTING: ReadonlySet<WorkerState> = new Set(['catching-up', 'live'])

/** Projections, seals and webhooks by one active worker; erasures and retention by any. */
export const work: Command = {
  name: 'work',
  summary: 'Runs the worker: read models, checkpoints, erasure, retention, webhooks; or stands by.',
  flags: { ...DATA_FLAG, ...LOG_FLAG },
  run: async (given) => {
    const config = connectedConfigOf(given)
    const stop = stopSignal()
    const logger = createLogger('worker', config.logLevel ?? 'info')
    const policy = await witnessPolicy(config.witnessesFile)
    const pool = createPool({
      url: config.databaseUrl, role: 'ledger_worker', pipeline: true, max: CONNECTIONS
    })
    const log = createLog({ url: config.eventstoreUrl, decoder: config.logDecoder })
    const keys = await fileSealingKeys(config.sealingKeyFile)
    const runner = createRunner({
      pool,
      log,
      projections: PROJECTIONS,
      logger,
      now: Date.now,
      onApplied: () => {
        sealer.wake()
        webhooks.wake()
      }
    })
    const common = { pool, log, logger, name: config.name, now: Date.now, newId: uuidv7 }
    const isActive = (): boolean => PROJECTING.has(runner.status().state)
    const cosigner = policy && createCosigner({
      ...common, policy, onStatus: (witnessing) => { runner.report({ witnessing }) }
    })
    const sealer: Sealer = createSealer({
      ...common,
      keys,
      onHead: cosigner?.add,
      isActive,
      onStatus: runner.sealing
    })
    const scrubber = config.scrubDays > 0 && createScrubber({
      ...common,
      isActive,
      passMs: config.scrubDays * DAY_MS,
      onStatus: (scrubbing) => { runner.report({ scrubbing }) }
    })
    const { erasures, retention, close } = workerDecisions({ ...config, log, logger })
    const { webhooks, close: closeWebhooks } = workerWebhooks({ ...config, log, logger, isActive })
    announceReady()
    try {
      const all = [runner, sealer, erasures, retention, cosigner, scrubber, webhooks]
      await together(stop, all.filter((part) => !!part).map(({ run }) => run))
    } finally {
      await Promise.all([close(), closeWebhooks()])
      await log.close()
      await pool.end()
    }
    return 0
  }
}

/** Runs all until the signal is aborted; the end of one is the end of all. Throws its error. */
async function together (
  stop: AbortSignal, parts: ReadonlyArray<(signal: AbortSignal) => Promise<void>>
): Promise<void> {
  const over = new AbortController()
  const signal = AbortSignal.any([stop, over.signal])
  const ended = parts.map(async (run) => {
    try {
      await run(signal)
    } finally {
      over.abort()
    }
  })
  const results = await Promise.allSettled(ended)
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
