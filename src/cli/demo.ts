import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { SAMPLE_TENANTS, sampleEvents } from '../sample/sample.ts'
import { hasCode, LedgerError } from '../errors.ts'
import { bootLedger } from './boot.ts'
import { configOf, DATA_FLAG, LISTEN_FLAGS, LOG_FLAG } from './flags.ts'
import type { Command } from './command.ts'
import { demoKeyFile } from './bootstrap.ts'
import { progressBar } from './progress.ts'
import { aborted, stopSignal } from './shutdown.ts'

const EVENTS_DEFAULT = 6_000
const EVENTS_MAX = 1_000_000
const BATCH = 200
const DAYS = 90
const SEED = 7

/** The ledger with something in it. */
export const demo: Command = {
  name: 'demo',
  summary: 'Does what start does and fills it with a believable sample of two organisations.',
  flags: {
    ...DATA_FLAG,
    ...LISTEN_FLAGS,
    ...LOG_FLAG,
    events: { value: 'N', help: `Events in all (default ${EVENTS_DEFAULT})` }
  },
  run: async (given) => {
    const count = countOf(given.flags['events'])
    const stop = stopSignal()
    const config = configOf(given)
    const demoTenants = SAMPLE_TENANTS.map(({ name }) => name)
    const ledger = await bootLedger(config, { say, demoTenants, signal: stop })
    try {
      const untilMs = await momentOfSample(config.dataDir)
      await fill(ledger.address, { dataDir: config.dataDir, count, untilMs, stop })
      say(ledger.banner)
      say(['', 'The sample, readable with:', ...demoTenants.map((tenant) => {
        const file = demoKeyFile(config.dataDir, tenant)
        return `  curl -s ${ledger.address}/v1/events -H "Authorization: Bearer $(cat '${file}')"`
      })].join('\n'))
      await aborted(stop)
    } finally {
      say('Stopping …')
      await ledger.stop()
    }
    return 0
  }
}

interface FillOptions {
  dataDir: string
  count: number
  untilMs: number
  stop: AbortSignal
}

/** Posts the sample like any producer would. */
async function fill (address: string, options: FillOptions): Promise<void> {
  const { dataDir, count, untilMs, stop } = options
  const bar = progressBar('Recording the sample', count)
  const share = Math.ceil(count / SAMPLE_TENANTS.length)
  for (const [index, tenant] of SAMPLE_TENANTS.entries()) {
    const key = (await readFile(demoKeyFile(dataDir, tenant.name), 'utf8')).trim()
    const events = sampleEvents({
      tenant, seed: SEED + index, count: Math.min(share, count - index * share), untilMs, days: DAYS
    })
    await post(`${address}/v1/events`, key, { events, onDone: bar.add, stop })
  }
  bar.end()
}

/**
 * The moment that the sample ends at: now, the first time. A second demo on the same data sends
 * the same events again, which the ledger knows, and adds none.
 */
async function momentOfSample (dataDir: string): Promise<number> {
  const file = path.join(dataDir, 'demo.json')
  try {
    const kept: { untilMs: number } = JSON.parse(await readFile(file, 'utf8'))
    return kept.untilMs
  } catch (err) {
    if (!hasCode(err, 'ENOENT')) throw err
    const untilMs = Date.now()
    await writeFile(file, JSON.stringify({ untilMs }))
    return untilMs
  }
}

async function post (url: string, key: string, { events, onDone, stop }: {
  events: readonly unknown[], onDone: (count: number) => void, stop: AbortSignal
}): Promise<void> {
  for (let from = 0; from < events.length && !stop.aborted; from += BATCH) {
    const batch = events.slice(from, from + BATCH)
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(batch)
    })
    if (!response.ok) {
      throw new LedgerError('INTERNAL',
        `the ledger did not take the sample: ${response.status} ${await response.text()}`)
    }
    await response.body?.cancel()
    onDone(batch.length)
  }
}

function countOf (text: string | undefined): number {
  const count = text === undefined ? EVENTS_DEFAULT : Number(text)
  if (Number.isInteger(count) && count >= 1 && count <= EVENTS_MAX) return count
  throw new LedgerError('CONFIG_INVALID', `--events: a whole number from 1 to ${EVENTS_MAX}`)
}

function say (text: string): void {
  process.stdout.write(`${text}\n`)
}
