import { LedgerError } from '../errors.ts'
import { createLog } from '../ledger/client.ts'
import { destroyedEvent } from '../ledger/erasure-events.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { createPool, type Pool } from '../postgres/pool.ts'
import { createFile } from '../key-file.ts'
import { tenantsErasedUnder } from '../privacy/eraser.ts'
import { addKey, dropOlderKeys, keyFileText, readKeyFile } from '../privacy/key-file.ts'
import { localMasterKey, type MasterKey } from '../privacy/master-key.ts'
import { masterKeysDestroyed, rewrap } from '../privacy/rewrap.ts'
import type { MasterKeyDestroyedData } from '../../schemas/events/erasure.ts'
import { FENCE } from '../../schemas/events/ledger.ts'
import { SERVER_TENANT } from '../../schemas/primitives.ts'
import type { Command } from './command.ts'
import { connectedConfigOf, DATA_FLAG, type Connections } from './flags.ts'
import { openMasterKey } from './master-key.ts'
import { progressBar, type ProgressBar } from './progress.ts'
import { stopSignal } from './shutdown.ts'
import { ownRecorder } from './worker-decisions.ts'

/** A new key over all keys, while the ledger runs; the old one is worthless afterwards. */
export const rotateMasterKey: Command = {
  name: 'rotate-master-key',
  summary: 'Wraps everybody\'s keys under a new master key, while the ledger runs; resumable.',
  flags: {
    ...DATA_FLAG,
    prepare: { help: 'Only put the new key into the file, to give it to other machines first' },
    keep: { value: 'FILE', help: 'Write the old key to FILE: without it old backups stay shut' }
  },
  run: async (given) => {
    const config = connectedConfigOf(given)
    const file = config.masterKeyKms === undefined ? config.masterKeyFile : undefined
    if (file !== undefined) await prepareFile(file)
    if (given.flags['prepare'] === 'true') {
      say('The key file holds a new key and the old one: give it to every process, then rotate.')
      return 0
    }
    const connections = connect(config)
    try {
      const masterKey = await openMasterKey(config)
      const count = await rewrapAll(connections, masterKey)
      const destroyed = file === undefined ? [] : await retire(file, given.flags['keep'])
      await masterKeysDestroyed(connections.pool, destroyed)
      for (const key of destroyed) await tellDestroyed(connections, { key, to: masterKey.id })
      say(`Everything is wrapped under ${masterKey.id} (${count} keys)`)
    } finally {
      await connections.close()
    }
    return 0
  }
}

interface Opened {
  pool: Pool
  recordOwn: Ledger['recordOwn']
  close: () => Promise<void>
}

function connect ({ databaseUrl: url, eventstoreUrl }: Connections): Opened {
  const pool = createPool({ url, role: 'ledger_vault', max: 2 })
  const apiPool = createPool({ url, role: 'ledger_api', max: 1 })
  const log = createLog({ url: eventstoreUrl })
  return {
    pool,
    recordOwn: ownRecorder(log, apiPool).recordOwn,
    async close () {
      await log.close()
      await Promise.all([pool.end(), apiPool.end()])
    }
  }
}

/** A file of several keys is that of a rotation which was interrupted: it is taken up again. */
async function prepareFile (file: string): Promise<void> {
  const keys = await readKeyFile(file)
  if (keys.length === 1) await addKey(file)
  else say('Going on with a rotation that was begun before.')
}

async function rewrapAll ({ pool, recordOwn }: Opened, masterKey: MasterKey): Promise<number> {
  let bar: ProgressBar | undefined
  let shown = 0
  try {
    const count = await rewrap({
      pool,
      masterKey,
      signal: stopSignal(),
      onProgress: (done, total) => {
        bar ??= progressBar('Wrapping keys anew', total)
        bar.add(done - shown)
        shown = done
      }
    })
    await recordOwn(SERVER_TENANT, [{
      action: 'ledger.master_key_rotated',
      category: 'system',
      actor: { type: 'system', id: 'ledger' },
      entity: FENCE,
      outcome: 'success',
      data: { to: masterKey.id, keys: count }
    }])
    return count
  } finally {
    bar?.end()
  }
}

/** Everybody whose erased persons' keys were wrapped under it: they are beyond any backup now. */
async function tellDestroyed (
  { pool, recordOwn }: Opened, destroyed: MasterKeyDestroyedData
): Promise<void> {
  for (const tenant of await tenantsErasedUnder(pool, destroyed.key)) {
    await recordOwn(tenant, [destroyedEvent(tenant, destroyed)])
  }
}

/** Only now, that nothing is wrapped under it any more. The keys that nobody has from now on. */
async function retire (file: string, keep: string | undefined): Promise<string[]> {
  const older = (await readKeyFile(file)).slice(1)
  if (keep !== undefined) {
    await createFile(keep, keyFileText(older)).catch((cause: unknown) => {
      throw new LedgerError('CONFIG_INVALID', `the old key could not be written to ${keep}; it ` +
        'is still in the key file, so run this again', { cause })
    })
  }
  await dropOlderKeys(file)
  return keep === undefined ? older.map((key) => localMasterKey(key).id) : []
}

function say (text: string): void {
  process.stdout.write(`${text}\n`)
}
