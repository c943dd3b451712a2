import { parseArgs, type ParseArgsConfig } from 'node:util'
import { LedgerError } from '../errors.ts'

export interface Flag {
  /** The value's name in the help, absent for a switch. */
  value?: string
  help: string
  /** May be given more than once. */
  multiple?: boolean
}

/** One command: what it is called, what it takes, and the function that does it. */
export interface Command {
  name: string
  /** One line for the overview. */
  summary: string
  /** Names of positional arguments for the help, `[x]` for optional ones. */
  positionals?: readonly string[]
  /** How many words they are at most, if one stands for several. */
  positionalsMax?: number
  flags: Readonly<Record<string, Flag>>
  /** Resolves with the exit code when the command is done. */
  run: (given: Given) => Promise<number>
}

/** What the user typed: switches are 'true'. */
export interface Given {
  flags: Readonly<Record<string, string | undefined>>
  positionals: readonly string[]
  /** All of it as typed, for a part that has a command line of its own. */
  args: readonly string[]
}

/** Parses the arguments of a command; throws CONFIG_INVALID with a sentence. */
export function parseCommand (command: Command, args: readonly string[]): Given {
  const options: ParseArgsConfig['options'] = Object.fromEntries(
    Object.entries(command.flags).map(([name, flag]) => {
      const type = flag.value === undefined ? 'boolean' : 'string'
      return [name, { type, multiple: flag.multiple ?? false }]
    })
  )
  const allowed = command.positionalsMax ?? command.positionals?.length ?? 0
  try {
    const { values, positionals } = parseArgs({
      args: [...args], options, allowPositionals: allowed > 0, strict: true
    })
    if (positionals.length > allowed) {
      throw new TypeError(`unexpected argument: ${positionals[allowed]}`)
    }
    const flags = Object.entries(values).map(([name, value]) => [name, String(value)])
    return { flags: Object.fromEntries(flags), positionals, args }
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause)
    throw new LedgerError('CONFIG_INVALID',
      `${said}\nSee: audit-ledger ${command.name} --help`, { cause })
  }
}

/** The help of one command. */
export function commandHelp (command: Command): string {
  const positionals = (command.positionals ?? []).map((name) => ` ${name}`).join('')
  const rows = Object.entries(command.flags).map(([name, flag]) => {
    return [`--${name}${flag.value === undefined ? '' : ` ${flag.value}`}`, flag.help] as const
  })
  return [
    `Usage: audit-ledger ${command.name}${positionals}${rows.length > 0 ? ' [options]' : ''}`,
    '', command.summary, ...(rows.length > 0 ? ['', 'Options:', ...table(rows)] : []), ''
  ].join('\n')
}

/** Two aligned columns, indented. */
export function table (rows: ReadonlyArray<readonly [string, string]>): string[] {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)
}
