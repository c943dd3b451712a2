import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { SYSTEMS, type Options, type SystemName } from './bench.ts'

export const HELP = `Usage: npm run bench -- [options]

Measures the ledger against baselines on this machine, everything durable.

Options:
  --quick          3 rounds of short samples at 20,000 events; less than 3 minutes
  --events N       events to read, rebuild and store at; default 100000, at most 10000000
  --rounds N       samples of each measure; default 5
  --seconds N      length of a sample; default 4
  --only A,B       only these scenarios: SCENARIOS
  --systems A,B    only these systems: ${SYSTEMS.join(' ')}
  --json FILE      writes every figure there as JSON
  --folder DIR     where the servers keep their data while it runs; default ${tmpdir()}
  --help           this text
`

/** So many that the largest tenant's list is deeper than the depth that is measured. */
const EVENTS_MIN = 20_000
const EVENTS_MAX = 10_000_000
const ROUNDS_MAX = 50
const SECONDS_MAX = 60

/** The options that were typed; throws a TypeError with a sentence. Undefined: help is wanted. */
export function parseOptions (
  args: readonly string[], scenarios: readonly string[]
): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      events: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      only: { type: 'string' },
      systems: { type: 'string' },
      json: { type: 'string' },
      folder: { type: 'string', default: tmpdir() },
      help: { type: 'boolean', short: 'h', default: false }
    }
  })
  if (values.help) return undefined
  const [events, rounds, seconds] = values.quick ? [20_000, 3, 1] : [100_000, 5, 4]
  return {
    events: number('events', values.events, events, [EVENTS_MIN, EVENTS_MAX]),
    rounds: number('rounds', values.rounds, rounds, [1, ROUNDS_MAX]),
    seconds: number('seconds', values.seconds, seconds, [0.2, SECONDS_MAX]),
    only: chosen('only', values.only, scenarios),
    systems: chosen('systems', values.systems, SYSTEMS) as SystemName[],
    json: values.json,
    folder: values.folder
  }
}

function number (
  name: string, text: string | undefined, fallback: number, [low, high]: readonly [number, number]
): number {
  const value = text === undefined ? fallback : Number(text)
  if (value >= low && value <= high) return value
  throw new TypeError(`--${name} must be a number from ${low} to ${high}`)
}

function chosen (name: string, text: string | undefined, all: readonly string[]): string[] {
  if (text === undefined) return [...all]
  const names = text.split(',')
  const unknown = names.find((one) => !all.includes(one))
  if (unknown === undefined) return names
  throw new TypeError(`--${name}: there is no ${unknown}; there are: ${all.join(' ')}`)
}
