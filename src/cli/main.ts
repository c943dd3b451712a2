#!/usr/bin/env node
import { Environment } from '../../schemas/config.ts'
import { isLedgerError } from '../errors.ts'
import { commandHelp, parseCommand, table, type Command } from './command.ts'

/** Loaded when it is asked for: a command need not wait for what only others use. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => (await import('./start.ts')).start,
  demo: async () => (await import('./demo.ts')).demo,
  serve: async () => (await import('./serve.ts')).serve,
  work: async () => (await import('./work.ts')).work,
  migrate: async () => (await import('./migrate.ts')).migrate,
  rebuild: async () => (await import('./rebuild.ts')).rebuild,
  verify: async () => (await import('./verify.ts')).verify,
  export: async () => (await import('./export.ts')).exportEvents,
  witness: async () => (await import('./witness.ts')).witness,
  'rotate-sealing-key': async () =>
    (await import('./rotate-sealing-key.ts')).rotateSealing,
  node: async () => (await import('./node.ts')).node,
  'migrate-log': async () => (await import('./migrate-log.ts')).migrateLog,
  'rotate-master-key': async () => (await import('./rotate-master-key.ts')).rotateMasterKey,
  vault: async () => (await import('./vault.ts')).vault
}

async function overview (): Promise<string> {
  const commands = await Promise.all(Object.values(COMMANDS).map(async (load) => await load()))
  const settings = Object.entries(Environment.properties)
    .map(([name, schema]) => [name, schema.description ?? ''] as const)
  return [
    'Usage: audit-ledger COMMAND [options]', '',
    'Commands:', ...table(commands.map(({ name, summary }) => [name, summary] as const)), '',
    'Environment:', ...table(settings), '',
    'audit-ledger COMMAND --help tells more of each.', ''
  ].join('\n')
}

async function main (args: readonly string[]): Promise<number> {
  const [name, ...rest] = args
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(await overview())
    return name === undefined ? 2 : 0
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (load === undefined) {
    process.stderr.write(`audit-ledger: no command '${name}'\n\n${await overview()}`)
    return 2
  }
  const command = await load()
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
