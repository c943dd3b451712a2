import { randomUUID } from 'node:crypto'

import { createLog } from '../../src/ledger/client.ts'
import { createLogger } from '../../src/log.ts'
import { createPool } from '../../src/postgres/pool.ts'
import { createSealer } from '../../src/worker/sealer.ts'
import { fileSealingKeys } from '../../src/worker/sealing-key.ts'
import { killAt, onRecord } from '../signed-notes.ts'

// The real sealer in a process of its own, killed at a step: nothing is cleaned up there.
const [url = '', database = '', key = '', record = '', step = '', nth = '1'] =
  process.argv.slice(2)
const keys = await fileSealingKeys(key)
const sealer = createSealer({
  pool: createPool({ url: database, max: 4, role: 'ledger_worker', pipeline: true }),
  log: createLog({ url }),
  name: 'test',
  keys: {
    async signers (origin) {
      const { current, previous } = await keys.signers(origin)
      return { current: onRecord(current, record), previous }
    }
  },
  logger: createLogger('test', 'silent'),
  now: Date.now,
  newId: randomUUID,
  isActive: () => true,
  onStatus: () => {},
  intervalMs: 10,
  retryMs: 20,
  fault: killAt(step, Number(nth))
})
await sealer.run(new AbortController().signal)
