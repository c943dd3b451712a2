import { uuidv7 } from 'uuidv7'
import { createLog } from '../ledger/client.ts'
import { createPool } from '../postgres/pool.ts'
import { startEpoch } from '../worker/epoch.ts'
import { rotateSealingKey } from '../worker/sealing-key.ts'
import type { Command, Given } from './command.ts'
import { configOf, connectedConfigOf, DATA_FLAG } from './flags.ts'

/** Another key for checkpoints; run where the worker's key file is. */
export const rotateSealing: Command = {
  name: 'rotate-sealing-key',
  summary: 'Makes a new key that signs checkpoints; the old one signs once more, to hand over.',
  flags: {
    ...DATA_FLAG,
    lost: {
      value: 'REASON',
      help: 'The old key is lost: go on with the one that is there, on record, as another log'
    }
  },
  run: async (given) => {
    const { lost } = given.flags
    if (lost !== undefined) return await goOnWithout(given, lost)
    const { sealingKeyFile } = configOf(given)
    await rotateSealingKey(sealingKeyFile)
    process.stdout.write(`${sealingKeyFile} has a new key. A worker that runs hands over within ` +
      'a second; tell your auditors of the key, which /.well-known/ledger-keys shows then.\n')
    return 0
  }
}

/** A key that nobody handed over to must not sign under the name of the one before. */
async function goOnWithout (given: Given, reason: string): Promise<number> {
  const config = connectedConfigOf(given)
  const pool = createPool({ url: config.databaseUrl, role: 'ledger_worker', max: 1 })
  const log = createLog({ url: config.eventstoreUrl })
  try {
    const { rows } = await pool.query<{ tenant: string }>(
      'select tenant from read.merkle_tree order by tenant')
    for (const { tenant } of rows) {
      await startEpoch(log, { tenant, because: 'lost-key', reason },
        { id: uuidv7(), now: Date.now() })
    }
    process.stdout.write(`${rows.length} trees have another origin from now on. Restart the ` +
      'worker, and tell your auditors and witnesses of the new keys.\n')
  } finally {
    await log.close()
    await pool.end()
  }
  return 0
}
