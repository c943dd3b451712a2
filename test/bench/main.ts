/** The bench: measures the ledger against the baselines and says which targets are reached. */
import { HELP, parseOptions } from './args.ts'
import { startBaseline } from './baselines/start.ts'
import { createBaselineDatabase } from './baselines/tables.ts'
import type { Bench, LedgerAccess, Options, Scenario, System, SystemName } from './bench.ts'
import { startChild } from './child.ts'
import { createCleanup, type Cleanup } from './cleanup.ts'
import { loadOf } from './load/load.ts'
import { openPlace } from './place.ts'
import { markdown, writeJson, type Ran } from './report.ts'
import { SCENARIOS } from './scenarios/index.ts'
import { fill } from './fill.ts'
import { startLedger } from './system.ts'

const say = (line: string): void => { process.stderr.write(`${line}\n`) }

async function main (args: readonly string[]): Promise<number> {
  const names = SCENARIOS.map(({ name }) => name)
  const options = parseOptions(args, names)
  if (options === undefined) {
    process.stdout.write(HELP.replace('SCENARIOS', names.join(' ')))
    return 0
  }
  const cleanup = createCleanup()
  const interrupted = new Promise<never>((_resolve, reject) => {
    // Every time, for npm hands Ctrl-C on to whom the terminal has told already.
    const stop = (): void => { reject(new Error('interrupted')) }
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
    process.on('uncaughtException', reject)
  })
  try {
    const runs = await Promise.race([measureAll(options, cleanup), interrupted])
    process.stdout.write(markdown(runs))
    if (options.json !== undefined) writeJson(options.json, options, runs)
    return runs.some(({ error }) => error !== undefined) ? 1 : 0
  } finally {
    await cleanup.run()
  }
}

async function measureAll (options: Options, cleanup: Cleanup): Promise<Ran[]> {
  const bench = await startAll(options, cleanup)
  const chosen = SCENARIOS.filter(({ name }) => options.only.includes(name))
  if (chosen.some(({ filled }) => filled)) await fill(bench)
  const runs: Ran[] = []
  for (const scenario of chosen) runs.push(await runOne(bench, scenario))
  return runs
}

/** One that fails does not take the others with it. */
async function runOne (bench: Bench, { name, title, run }: Scenario): Promise<Ran> {
  const startedAt = performance.now()
  const seconds = (): number => (performance.now() - startedAt) / 1_000
  try {
    const outcome = await run(bench)
    say(`${name}: ${seconds().toFixed(1)} s`)
    return { name, title, seconds: seconds(), outcome }
  } catch (err) {
    const error = err instanceof Error ? err.message : String(err)
    say(`${name}: ${err instanceof Error ? err.stack ?? error : error}`)
    return { name, title, seconds: seconds(), outcome: { figures: [], checks: [] }, error }
  }
}

async function startAll (options: Options, cleanup: Cleanup): Promise<Bench> {
  const place = { below: options.folder, name: 'bench', say }
  const { folder, dataDir, postgres } = await openPlace(place, cleanup)
  const baselinesUrl = await createBaselineDatabase(postgres.superuserUrl)
  const loader = await startChild('load/main')
  cleanup.add(loader.stop)
  const systems = new Map<SystemName, System>()
  let ledger: LedgerAccess | undefined
  for (const name of options.systems) {
    if (name === 'ledger') {
      const { pid: postgresPid, superuserUrl } = postgres
      const running = await startLedger({ dataDir, postgresPid, superuserUrl, say })
      systems.set(name, running.system)
      ledger = running.access
    } else {
      const baseline = { databaseUrl: baselinesUrl, postgresPid: postgres.pid, folder }
      systems.set(name, await startBaseline(name, baseline))
    }
    const { stop } = systems.get(name) ?? {}
    if (stop !== undefined) cleanup.add(stop)
  }
  return { options, load: loadOf(loader), systems, ledger, baselinesUrl, folder, say }
}

main(process.argv.slice(2)).then((code) => {
  process.exitCode = code
}, (err: unknown) => {
  say(`bench: ${err instanceof Error ? err.message : String(err)}`)
  // What was interrupted may still be waiting for something: nothing of it is wanted any more.
  process.exit(err instanceof TypeError ? 2 : 1)
})
