import { DATA_FLAG, LISTEN_FLAGS, LOG_FLAG, configOf } from './flags.ts'
import type { Command } from './command.ts'
import { bootLedger } from './boot.ts'
import { aborted, stopSignal } from './shutdown.ts'

/** Everything in one go: the servers this ledger needs, unless addresses say they run elsewhere. */
export const start: Command = {
  name: 'start',
  summary: 'Runs the whole ledger: embedded Postgres and EventStoreDB node, API and worker.',
  flags: { ...DATA_FLAG, ...LISTEN_FLAGS, ...LOG_FLAG },
  run: async (given) => {
    const stop = stopSignal()
    const ledger = await bootLedger(configOf(given), { say, signal: stop })
    say(ledger.banner)
    await aborted(stop)
    say('Stopping …')
    await ledger.stop()
    say('Stopped.')
    return 0
  }
}

function say (text: string): void {
  process.stdout.write(`${text}\n`)
}
