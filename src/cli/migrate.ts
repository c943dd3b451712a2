import { bootstrap } from './bootstrap.ts'
import type { Command } from './command.ts'
import { connectedConfigOf, DATA_FLAG } from './flags.ts'
import { stopSignal } from './shutdown.ts'

/** What has to be done once before, and after every update of, API and worker. */
export const migrate: Command = {
  name: 'migrate',
  summary: 'Brings the database up to date and makes the admin key if there is none.',
  flags: {
    ...DATA_FLAG,
    'new-admin-key': { help: 'Replace the admin key: its file is lost' }
  },
  run: async (given) => {
    const config = connectedConfigOf(given)
    const wishes = {
      devKey: false,
      newAdminKey: given.flags['new-admin-key'] === 'true',
      demoTenants: [],
      signal: stopSignal()
    }
    const { admin } = await bootstrap(config, wishes, say)
    say(admin === undefined
      ? 'The database is up to date. The admin key is kept where it was made; ' +
        '--new-admin-key replaces it.'
      : `The database is up to date. The admin key is in ${admin}`)
    return 0
  }
}

function say (text: string): void {
  process.stdout.write(`${text}\n`)
}
