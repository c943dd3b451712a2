/**
 * What every read costs with a million events in the ledger, or as many as are asked for.
 * `npm run build:test && node dist/test/bench/million.js [--events N] [--seconds S]
 * [--json FILE] [--folder DIR]`; Linux only, as the bench.
 */
import { writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { startChild } from './child.ts'
import { createCleanup, type Cleanup } from './cleanup.ts'
import { TENANTS, userOf } from './generator.ts'
import { call, listOf, mustCall, textOf } from './http.ts'
import { fillLedger, type Fill } from './million-fill.ts'
import { measuredRoutes, missingFrom, type Measured } from './million-routes.ts'
import { loadOf, type Load } from './load/load.ts'
import { openPlace } from './place.ts'
import { show } from './report.ts'
import { failureNote } from './sample.ts'
import { rebuildAll } from './scenarios/rebuild.ts'
import { folderBytes, tableBytes } from './scenarios/storage.ts'
import type { Latency } from './stats.ts'
import { startLedger, type RunningLedger } from './system.ts'

const EVENTS_DEFAULT = 1_000_000
const EVENTS_MIN = 1_000
const EVENTS_MAX = 10_000_000
const SECONDS_DEFAULT = 2
const SECONDS_MAX = 60
/** The whole of it; a machine that needs longer is told so. */
const HOURS_MAX = 3
const WARM_UP_SECONDS = 0.5
const REQUESTS_MAX = 1_000_000
const IDS_PER_CATEGORY = 50

interface Wishes {
  events: number
  seconds: number
  json: string | undefined
  folder: string
}

/** One line of the result. */
interface Line {
  name: string
  latencyMs?: Latency
  /** Bytes of an answer with its head: a fast page of nothing proves nothing. */
  answerBytes?: number
  skipped?: string
}

interface Result {
  machine: string
  fill: Fill
  rebuildEventsPerSecond: number
  proofBytes: { json: number, text: number }
  bytesPerEvent: { log: number, Postgres: number }
  reads: Line[]
}

const say = (line: string): void => { process.stderr.write(`${line}\n`) }

function wishesOf (args: readonly string[]): Wishes {
  const { values } = parseArgs({
    args: [...args],
    options: {
      events: { type: 'string', default: String(EVENTS_DEFAULT) },
      seconds: { type: 'string', default: String(SECONDS_DEFAULT) },
      json: { type: 'string' },
      folder: { type: 'string', default: tmpdir() }
    }
  })
  const [events, seconds] = [Number(values.events), Number(values.seconds)]
  if (!(events >= EVENTS_MIN && events <= EVENTS_MAX)) {
    throw new TypeError(`--events must be a number from ${EVENTS_MIN} to ${EVENTS_MAX}`)
  }
  if (!(seconds >= WARM_UP_SECONDS && seconds <= SECONDS_MAX)) {
    throw new TypeError(`--seconds must be a number from ${WARM_UP_SECONDS} to ${SECONDS_MAX}`)
  }
  return { events, seconds, json: values.json, folder: values.folder }
}

async function measureAll (wishes: Wishes, cleanup: Cleanup): Promise<Result> {
  const place = { below: wishes.folder, name: 'million', say }
  const { dataDir, postgres } = await openPlace(place, cleanup)
  const loader = await startChild('load/main')
  cleanup.add(loader.stop)
  const load = loadOf(loader)
  const { pid: postgresPid, superuserUrl } = postgres
  const ledger = await startLedger({ dataDir, postgresPid, superuserUrl, say })
  cleanup.add(ledger.system.stop)
  const fill = await fillLedger(load, ledger.system, { events: wishes.events, say })
  const { events } = fill
  const { reads, ids } = await measureReads({ load, ledger, seconds: wishes.seconds })
  const bytesPerEvent = {
    log: folderBytes(ledger.access.logFolder) / events,
    Postgres: await tableBytes(superuserUrl, '') / events
  }
  const proofBytes = await sizesOfProof(ledger, ids[0] ?? '')
  say('rebuilding all read models')
  const rebuildEventsPerSecond = events / await rebuildAll(ledger.access)
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, node ${process.version}`
  return { machine, fill, rebuildEventsPerSecond, proofBytes, bytesPerEvent, reads }
}

interface Reading { load: Load, ledger: RunningLedger, seconds: number }

async function measureReads (reading: Reading): Promise<{ reads: Line[], ids: string[] }> {
  const { ledger: { system, access: { address } } } = reading
  const reader = system.credentials[0] ?? ''
  const self = await selfCredential(reading.ledger)
  const document = (await mustCall(`${address}/openapi.json`, { credential: '' })).body
  const ids = await idsAllOver(address, reader)
  await untilProven(address, reader, ids[0] ?? '')
  const reads: Line[] = []
  for (const measured of measuredRoutes(ids)) {
    const skipped = missingFrom(document, measured)
    const credential = measured.key === 'self' ? self : reader
    const line = skipped === undefined
      ? await measureOne(reading, measured, credential)
      : { name: measured.name, skipped }
    say(lineText(line))
    reads.push(line)
  }
  return { reads, ids }
}

async function measureOne (
  { load, ledger: { system: { port } }, seconds }: Reading, { name, paths }: Measured,
  credential: string
): Promise<Line> {
  const job = {
    kind: 'closed', port, connections: 1, requestsMax: REQUESTS_MAX
  } as const
  const source = { kind: 'gets', credential, paths } as const
  await load.run({ ...job, seconds: WARM_UP_SECONDS, source })
  const tally = await load.run({ ...job, seconds, source })
  const skipped = failureNote(tally)
  if (skipped !== undefined) return { name, skipped }
  const { latencyMs, bytesReceived, answered } = tally
  return { name, latencyMs, answerBytes: Math.round(bytesReceived / answered) }
}

/** A key of the busiest user of the largest tenant. */
async function selfCredential ({ access: { address, operator } }: RunningLedger): Promise<string> {
  const { type, id } = userOf(0)
  const { body } = await mustCall(`${address}/v1/api-keys`, {
    method: 'POST',
    credential: operator,
    body: { name: 'bench-self', roles: ['self'], tenant: TENANTS[0], subject: { type, id } }
  })
  return `authorization: Bearer ${textOf(body, 'secret')}\r\n`
}

/** Ids of events from the whole length of the log, the newest first. */
async function idsAllOver (address: string, credential: string): Promise<string[]> {
  const ids: string[] = []
  // The categories that were filled in first are the oldest events.
  for (const category of ['change', 'access', 'api', 'auth']) {
    const { body } = await mustCall(
      `${address}/v1/events?limit=${IDS_PER_CATEGORY}&category=${category}`, { credential })
    ids.push(...listOf(body, 'items').map((item) => textOf(item, 'id')))
  }
  return ids
}

/** The newest event is in a signed checkpoint, and so are all the others. */
async function untilProven (address: string, credential: string, id: string): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    const { status } = await call(`${address}/v1/events/${id}/proof`, { credential })
    if (status === 200) return
    await new Promise((resolve) => { setTimeout(resolve, 1_000) })
  }
  throw new Error('no signed checkpoint within 10 minutes')
}

async function sizesOfProof (
  { system, access: { address } }: RunningLedger, id: string
): Promise<Result['proofBytes']> {
  const sizeOf = async (accept: string): Promise<number> => {
    const { body } = await mustCall(`${address}/v1/events/${id}/proof`, {
      credential: system.credentials[0] ?? '', headers: { accept }
    })
    return Buffer.byteLength(typeof body === 'string' ? body : JSON.stringify(body))
  }
  return { json: await sizeOf('application/json'), text: await sizeOf('text/plain') }
}

function lineText ({ name, latencyMs, answerBytes = 0, skipped }: Line): string {
  if (latencyMs === undefined) return `| ${name} | skipped: ${skipped ?? ''} | | |`
  const { p50, p99 } = latencyMs
  return `| ${name} | ${show(p50)} | ${show(p99)} | ${show(answerBytes)} |`
}

function markdown (result: Result): string {
  const { machine, fill, bytesPerEvent: bytes, proofBytes: proof, reads } = result
  return [
    `${show(fill.events)} events on ${machine}; one connection, embedded node and Postgres`, '',
    `- ingest ${show(fill.ingestedPerSecond)} events/s, all projected ` +
      `${show(fill.settleSeconds)} s after the last; ${show(fill.projectedPerSecond)} events/s`,
    `- rebuild of all read models ${show(result.rebuildEventsPerSecond)} events/s`,
    `- bytes per event: log ${show(bytes.log)}, Postgres ${show(bytes.Postgres)}`,
    `- inclusion proof: ${proof.json} bytes as JSON, ${proof.text} as text`, '',
    '| | p50 ms | p99 ms | bytes |', '|---|---|---|---|',
    ...reads.map(lineText), ''
  ].join('\n')
}

async function main (args: readonly string[]): Promise<void> {
  const wishes = wishesOf(args)
  const cleanup = createCleanup()
  const ended = new Promise<never>((_resolve, reject) => {
    const stop = (): void => { reject(new Error('interrupted')) }
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
    setTimeout(() => { reject(new Error(`not done after ${HOURS_MAX} hours`)) },
      HOURS_MAX * 3_600_000).unref()
  })
  try {
    const result = await Promise.race([measureAll(wishes, cleanup), ended])
    process.stdout.write(markdown(result))
    if (wishes.json !== undefined) {
      await writeFile(wishes.json, JSON.stringify(result, null, 2) + '\n')
    }
  } finally {
    await cleanup.run()
  }
}

main(process.argv.slice(2)).catch((err: unknown) => {
  say(`million: ${err instanceof Error ? err.message : String(err)}`)
  // What was interrupted may still be waiting for something: nothing of it is wanted any more.
  process.exit(err instanceof TypeError ? 2 : 1)
})
