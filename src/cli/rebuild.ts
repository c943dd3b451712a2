import { uuidv7 } from 'uuidv7'
import { PROJECTIONS } from '../../projections/index.ts'
import type { Projection } from '../../projections/projection.ts'
import { LedgerError } from '../errors.ts'
import { createLog } from '../ledger/client.ts'
import type { Log } from '../ledger/log.ts'
import { createPool, type Pool } from '../postgres/pool.ts'
import { startEpoch } from '../worker/epoch.ts'
import type { Loss } from '../worker/loss.ts'
import { rebuild as rebuildProjections } from '../worker/rebuild.ts'
import type { Command } from './command.ts'
import { connectedConfigOf, DATA_FLAG } from './flags.ts'
import { progressBar, type ProgressBar } from './progress.ts'
import { stopSignal } from './shutdown.ts'

/** Read models anew from the log, beside the live ones, which go on being read. */
export const rebuild: Command = {
  name: 'rebuild',
  summary: 'Builds read models anew from the log while the old ones go on serving; resumable.',
  positionals: ['[PROJECTION,…]'],
  flags: {
    ...DATA_FLAG,
    'accept-loss': {
      value: 'REASON',
      help: 'The log has lost its last events: go on without them, on record, as another log'
    }
  },
  run: async (given) => {
    const config = connectedConfigOf(given)
    const projections = chosen(given.positionals[0])
    const reason = given.flags['accept-loss']
    if (reason !== undefined && projections !== PROJECTIONS) {
      throw new LedgerError('CONFIG_INVALID', '--accept-loss is about all read models')
    }
    const pool = createPool({
      url: config.databaseUrl, role: 'ledger_worker', pipeline: true, max: 4
    })
    const log = createLog({ url: config.eventstoreUrl, decoder: config.logDecoder })
    const names = projections.map(({ name }) => name).join(', ')
    let bar: ProgressBar | undefined
    let shown = 0
    try {
      if (given.positionals[0] !== undefined) await requireLive(pool)
      await rebuildProjections({
        pool,
        log,
        projections,
        signal: stopSignal(),
        onProgress: ({ events, total }) => {
          bar ??= progressBar(`Rebuilding ${names}`, Number(total ?? 0))
          bar.add(Number(events) - shown)
          shown = Number(events)
        },
        onLoss: reason === undefined
          ? undefined
          : async (losses) => { await acceptLosses(log, losses, reason) },
        onRetry: (err) => {
          process.stderr.write(`Trying again: ${err instanceof Error ? err.message : err}\n`)
        }
      })
    } finally {
      bar?.end()
      await log.close()
      await pool.end()
    }
    process.stdout.write(`Rebuilt and live: ${names} (${shown} events)\n`)
    return 0
  }
}

/** Nothing is lost in silence: each tenant's history says it, and its tree gets another origin. */
async function acceptLosses (log: Log, losses: readonly Loss[], reason: string): Promise<void> {
  for (const { tenant, kept, seen, checkpoint } of losses) {
    await startEpoch(log, {
      tenant,
      because: 'lost-events',
      reason,
      kept: String(kept),
      seen: String(seen),
      ...(checkpoint === undefined ? {} : { checkpoint })
    }, { id: uuidv7(), now: Date.now() })
    process.stdout.write(`${tenant}: ${seen - kept} of ${seen} events are lost; ` +
      'its checkpoints have another origin from now on\n')
  }
}

/**
 * One read model alone is built as far as the others are, which know where erased persons were
 * named. Throws CONFIG_INVALID where there are none.
 */
async function requireLive (pool: Pool): Promise<void> {
  const { rowCount } = await pool.query("select from control.projection where state = 'live'")
  if (rowCount !== 0) return
  throw new LedgerError('CONFIG_INVALID', 'there are no read models yet: build all of them')
}

/** All of them unless some are named. Throws CONFIG_INVALID for a name that is none. */
function chosen (names: string | undefined): readonly Projection[] {
  if (names === undefined) return PROJECTIONS
  return names.split(',').map((name) => {
    const found = PROJECTIONS.find((projection) => {
      return projection.name === name || projection.name === name.replaceAll('-', '_')
    })
    if (found !== undefined) return found
    const all = PROJECTIONS.map((projection) => projection.name).join(', ')
    throw new LedgerError('CONFIG_INVALID', `no projection '${name}'; there are: ${all}`)
  })
}
