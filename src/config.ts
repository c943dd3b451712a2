import path from 'node:path'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { Environment, ENVIRONMENT_PREFIX } from '../schemas/config.ts'
import { LedgerError, type Violation } from './errors.ts'

export interface Config {
  readonly eventstoreUrl: string | undefined
  readonly databaseUrl: string | undefined
  readonly masterKeyFile: string
  /** `aws:KEY`; then the file is only for what was wrapped before. */
  readonly masterKeyKms: string | undefined
  readonly sealingKeyFile: string
  readonly witnessesFile: string | undefined
  /** Absolute path. */
  readonly dataDir: string
  readonly host: string
  readonly port: number
  readonly name: string
  /** 0: never. */
  readonly scrubDays: number
  readonly logDecoder: 'own' | 'client'
  readonly logLevel: string | undefined
  /** Without a slash at its end. */
  readonly publicUrl: string | undefined
  /** Whether webhooks may go to this machine, by http too. */
  readonly webhookLoopback: boolean
}

/** What the command line may override; undefined members fall back to the environment. */
export interface ConfigFlags {
  data?: string | undefined
  host?: string | undefined
  port?: string | undefined
  'log-level'?: string | undefined
}

export const PORT_DEFAULT = 4_600
const SCRUB_DAYS_DEFAULT = 7
const PORT_MAX = 65_535

const environment = TypeCompiler.Compile(Environment)
const known = new Set(Object.keys(Environment.properties))

/**
 * The configuration: flags over environment over defaults, checked, frozen.
 * Throws CONFIG_INVALID naming every variable that is wrong, and unknown ones with our prefix.
 */
export function loadConfig (
  env: Readonly<Record<string, string | undefined>>, flags: ConfigFlags = {}
): Config {
  const given = { ...pick(env), ...flagVariables(flags) }
  const violations = [...unknownVariables(env), ...wrongValues(given)]
  if (violations.length > 0) {
    const said = violations.map(({ pointer, detail }) => `${pointer}: ${detail}`).join('; ')
    throw new LedgerError('CONFIG_INVALID', said, { violations })
  }
  const dataDir = path.resolve(given['LEDGER_DATA'] ?? 'data')
  return Object.freeze({
    eventstoreUrl: given['EVENTSTORE_URL'],
    databaseUrl: given['DATABASE_URL'],
    masterKeyFile: path.resolve(given['MASTER_KEY_FILE'] ?? path.join(dataDir, 'master.key')),
    masterKeyKms: given['MASTER_KEY_KMS'],
    sealingKeyFile: path.resolve(given['SEALING_KEY_FILE'] ?? path.join(dataDir, 'sealing.key')),
    witnessesFile: given['WITNESSES_FILE'] && path.resolve(given['WITNESSES_FILE']),
    dataDir,
    host: given['LEDGER_HOST'] ?? '127.0.0.1',
    port: Number(given['LEDGER_PORT'] ?? PORT_DEFAULT),
    name: given['LEDGER_NAME'] ?? 'audit-ledger',
    scrubDays: Number(given['LEDGER_SCRUB_DAYS'] ?? SCRUB_DAYS_DEFAULT),
    logDecoder: given['LEDGER_LOG_DECODER'] === 'client' ? 'client' : 'own',
    logLevel: given['LEDGER_LOG_LEVEL'],
    publicUrl: given['LEDGER_PUBLIC_URL']?.replace(/\/+$/, ''),
    webhookLoopback: given['LEDGER_WEBHOOK_ALLOW_HTTP_LOOPBACK'] === 'true'
  })
}

type Variables = Record<string, string>

/** An empty variable counts as not set: that is what `VAR=` in a compose file means. */
function pick (env: Readonly<Record<string, string | undefined>>): Variables {
  const entries = [...known].map((name) => [name, env[name]] as const)
  return Object.fromEntries(entries.filter((entry): entry is readonly [string, string] => {
    return entry[1] !== undefined && entry[1] !== ''
  }))
}

function flagVariables (flags: ConfigFlags): Variables {
  const entries = Object.entries(flags).filter((entry): entry is [string, string] => {
    return entry[1] !== undefined
  })
  return Object.fromEntries(entries.map(([flag, value]) => {
    return [ENVIRONMENT_PREFIX + flag.toUpperCase().replace('-', '_'), value]
  }))
}

function unknownVariables (env: Readonly<Record<string, string | undefined>>): Violation[] {
  return Object.keys(env)
    .filter((name) => name.startsWith(ENVIRONMENT_PREFIX) && !known.has(name))
    .map((name) => ({ pointer: name, detail: 'no such setting; --help lists them all' }))
}

function wrongValues (given: Variables): Violation[] {
  const wrong = [...environment.Errors(given)].map(({ path: pointer }) => pointer.slice(1))
  if (Number(given['LEDGER_PORT'] ?? 0) > PORT_MAX) wrong.push('LEDGER_PORT')
  return [...new Set(wrong)].map((name) => {
    const rule = Object.entries(Environment.properties).find(([key]) => key === name)?.[1]
    return { pointer: name, detail: `not valid; expected: ${rule?.description ?? 'nothing'}` }
  })
}
