import { LedgerError } from '../errors.ts'
import { migrateLog as copyLog } from '../embedded/eventstore/migrate/migrate-log.ts'
import type { Command } from './command.ts'

/** The way from the embedded node to a cluster. */
export const migrateLog: Command = {
  name: 'migrate-log',
  summary: 'Copies a log into another EventStoreDB and compares both; continues where it stopped.',
  flags: {
    from: { value: 'URL', help: 'esdb://… of the log that is copied' },
    to: { value: 'URL', help: 'esdb://… of the one that it goes to' }
  },
  run: async ({ flags: { from, to } }) => {
    if (from === undefined || to === undefined) {
      throw new LedgerError('CONFIG_INVALID', 'migrate-log needs --from URL and --to URL')
    }
    const { copied, verified } = await copyLog({
      from,
      to,
      onProgress: ({ phase, events, position }) => {
        process.stderr.write(`${phase}: ${events} events, position ${position}\n`)
      }
    })
    process.stdout.write(`${copied} events copied, ${verified} are the same in both logs.\n`)
    return 0
  }
}
