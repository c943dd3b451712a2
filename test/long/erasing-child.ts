import { ownRecorder } from '../../src/cli/worker-decisions.ts'
import { createLog } from '../../src/ledger/client.ts'
import { createLogger } from '../../src/log.ts'
import { createPool, type Pool, type Role } from '../../src/postgres/pool.ts'
import { createEraser } from '../../src/privacy/eraser.ts'
import { createErasures } from '../../src/worker/erasure.ts'

/** What the parent says: where the servers are, and at which step to die, if at any. */
export interface ChildOptions {
  databaseUrl: string
  eventstoreUrl: string
  step?: string
}

// A worker that does nothing but erase; a test starts it to be killed at one step.
const { databaseUrl, eventstoreUrl, step }: ChildOptions = JSON.parse(process.argv[2] ?? '{}')
const pool = (role: Role): Pool => createPool({ url: databaseUrl, role, max: 2 })
const log = createLog({ url: eventstoreUrl })
await createErasures({
  pool: pool('ledger_worker'),
  eraser: createEraser(pool('ledger_vault')),
  log,
  record: ownRecorder(log, pool('ledger_api')).recordOwn,
  logger: createLogger('child', 'silent'),
  now: Date.now,
  pollMs: 20,
  fault: async (at) => {
    if (at !== step) return
    process.kill(process.pid, 'SIGKILL')
    // Nothing more happens, however long the signal takes.
    await new Promise(() => {})
  }
}).run(new AbortController().signal)
