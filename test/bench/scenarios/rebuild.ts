import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { figureOf, ratioCheck, type Figure, type LedgerAccess, type Scenario } from '../bench.ts'
import type { CopyReply } from '../baselines/copy.ts'
import { startChild } from '../child.ts'
import { summarise } from '../stats.ts'

const RATIO_MIN = 0.5
const ROUNDS_MAX = 2
/** From here on one round takes long enough to be its own mean. */
const LARGE = 1_000_000
const SECONDS_MAX = 1_800
const SAID_MAX = 500

/** All read models anew from the log, against copying their rows. */
export const rebuild: Scenario = {
  name: 'rebuild',
  title: 'Rebuild of all read models from the log',
  filled: true,
  async run ({ ledger, folder, options: { events, rounds } }) {
    if (ledger === undefined) return { figures: [], checks: [] }
    const copy = await startChild('baselines/copy', [ledger.databaseUrl, folder])
    const rates: { copy: number[], ledger: number[], rows: number[] } = {
      copy: [], ledger: [], rows: []
    }
    try {
      for (let round = Math.min(events < LARGE ? ROUNDS_MAX : 1, rounds); round > 0; round--) {
        const copied = await copy.ask<CopyReply>({}, ({ type }) => type === 'copied')
        rates.copy.push(events / copied.seconds)
        rates.rows.push(copied.rows / copied.seconds)
        rates.ledger.push(events / await rebuildAll(ledger))
      }
    } finally {
      await copy.stop()
    }
    const measure = 'events into all read models'
    const figures: Figure[] = [
      { measure, unit: 'events/s', system: 'copy', value: summarise(rates.copy) },
      { measure: 'rows copied', unit: 'rows/s', system: 'copy', value: summarise(rates.rows) },
      { measure, unit: 'events/s', system: 'ledger', value: summarise(rates.ledger) }
    ]
    const pair = [figureOf(figures, 'ledger', measure), figureOf(figures, 'copy', measure)]
    return {
      figures,
      checks: [ratioCheck('rebuild of all read models', pair, {
        kind: 'at least', limit: RATIO_MIN
      })]
    }
  }
}

/** Runs the command an operator would run; seconds until the new generations are live. */
export async function rebuildAll ({ environment }: LedgerAccess): Promise<number> {
  const main = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url))
  const startedAt = performance.now()
  const child = spawn(process.execPath, [main, 'rebuild'], {
    env: environment(), stdio: ['ignore', 'ignore', 'pipe']
  })
  let said = ''
  child.stderr.on('data', (bytes: Buffer) => { said = (said + bytes.toString()).slice(-SAID_MAX) })
  const late = setTimeout(() => child.kill('SIGKILL'), SECONDS_MAX * 1_000)
  const reason = await new Promise((resolve) => {
    child.once('exit', (code, signal) => { resolve(signal ?? code) })
  })
  clearTimeout(late)
  if (reason !== 0) throw new Error(`the rebuild ended with ${reason}: ${said}`)
  return (performance.now() - startedAt) / 1_000
}
