import { unlink } from 'node:fs/promises'
import { LedgerError } from '../errors.ts'
import { createLog } from '../ledger/client.ts'
import { destroyedEvent } from '../ledger/erasure-events.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { createPool, type Pool } from '../postgres/pool.ts'
import { createFile } from '../key-file.ts'
import { tenantsErasedUnder } from '../privacy/eraser.ts'
import { addKey, dropOlderKeys, keyFileText, readKeyFile, readKeys } from '../privacy/key-file.ts'
import { localMasterKey, type MasterKey } from '../privacy/master-key.ts'
import { checkOutOfUse, masterKeysDestroyed, rewrap } from '../privacy/rewrap.ts'
import type { MasterKeyDestroyedData } from '../../schemas/events/erasure.ts'
import { FENCE } from '../../schemas/events/ledger.ts'
import { SERVER_TENANT } from '../../schemas/primitives.ts'
import type { Config } from '../config.ts'
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
    keep: { value: 'FILE', help: 'Write the old key to FILE: without it old backups stay shut' },
    destroy: {
      value: 'FILE',
      help: 'Rotate nothing: remove FILE, which --keep wrote, and record that its keys are gone'
    }
  },
  run: async (given) => {
    const config = connectedConfigOf(given)
    const kept = given.flags['destroy']
    if (kept !== undefined) return await destroyKept(config, kept)
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
      await recordDestroyed(connections, destroyed, masterKey.id)
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

/** The last thing that an older backup needs goes, and whoever it is about is told. */
async function destroyKept (config: Config & Connections, file: string): Promise<number> {
  const keys = (await readKeys(file)).map((key) => localMasterKey(key).id)
  const connections = connect(config)
  try {
    const { id } = await openMasterKey(config)
    await checkOutOfUse(connections.pool, keys)
    await unlink(file)
    await recordDestroyed(connections, keys, id)
    say(`${file} is gone, and with it ${keys.join(', ')}: remove what copies of it there are`)
  } finally {
    await connections.close()
  }
  return 0
}

async function recordDestroyed (
  connections: Opened, keys: readonly string[], to: string
): Promise<void> {
  await masterKeysDestroyed(connections.pool, keys)
  for (const key of keys) await tellDestroyed(connections, { key, to })
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
