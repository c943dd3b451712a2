/**
 * Loaded into the process of every test. What the runner puts into a process, to know its files
 * and its coverage, it also puts into each process that a test starts: there it more than doubles
 * the time that a ledger takes to start, and a ledger with it is not what a user runs.
 */
import processOnSpawn from 'process-on-spawn'

if (process.env['_TAPJS_PROCESSINFO_COVERAGE_'] !== '1') {
  processOnSpawn.removeAllListeners()
  process.execArgv.splice(0)
  delete process.env['NODE_OPTIONS']
}
