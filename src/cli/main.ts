#!/usr/bin/env node
import { Environment } from '../../schemas/config.ts'
import { isLedgerError } from '../errors.ts'
import { commandHelp, parseCommand, table, type Command } from './command.ts'
import { demo } from './demo.ts'
import { migrate } from './migrate.ts'
import { migrateLog } from './migrate-log.ts'
import { node } from './node.ts'
import { rebuild } from './rebuild.ts'
import { rotateMasterKey } from './rotate-master-key.ts'
import { serve } from './serve.ts'
import { start } from './start.ts'
import { vault } from './vault.ts'
import { work } from './work.ts'

const COMMANDS: readonly Command[] = [
  start, demo, serve, work, migrate, rebuild, node, migrateLog, rotateMasterKey, vault
]

function overview (): string {
  const settings = Object.entries(Environment.properties)
    .map(([name, schema]) => [name, schema.description ?? ''] as const)
  return [
    'Usage: audit-ledger COMMAND [options]', '',
    'Commands:', ...table(COMMANDS.map(({ name, summary }) => [name, summary] as const)), '',
    'Environment:', ...table(settings), '',
    'audit-ledger COMMAND --help tells more of each.', ''
  ].join('\n')
}

async function main (args: readonly string[]): Promise<number> {
  const [name, ...rest] = args
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(overview())
    return name === undefined ? 2 : 0
  }
  const command = COMMANDS.find((candidate) => candidate.name === name)
  if (command === undefined) {
    process.stderr.write(`audit-ledger: no command '${name}'\n\n${overview()}`)
    return 2
  }
  if (rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(commandHelp(command))
    return 0
  }
  return await command.run(parseCommand(command, rest))
}

/** A sentence for what the user can mend, the stack for what only we can. */
function explain (err: unknown): string {
  if (isLedgerError(err)) {
    const cause = err.details.cause
    const because = cause instanceof Error && !err.message.includes(cause.message)
      ? ` (${cause.message})`
      : ''
    return err.message + because
  }
  return err instanceof Error ? err.stack ?? err.message : String(err)
}

main(process.argv.slice(2)).then((code) => {
  process.exitCode = code
}, (err: unknown) => {
  process.stderr.write(`audit-ledger: ${explain(err)}\n`)
  process.exitCode = isLedgerError(err, 'CONFIG_INVALID') ? 2 : 1
})
