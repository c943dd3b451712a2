import { LedgerError } from '../errors.ts'
import type { Config } from '../config.ts'
import { createLog } from '../ledger/client.ts'
import { createPool } from '../postgres/pool.ts'
import { createFile } from '../key-file.ts'
import { addKey, dropOlderKeys, keyFileText, readKeyFile } from '../privacy/key-file.ts'
import { rewrap } from '../privacy/rewrap.ts'
import { FENCE } from '../../schemas/events/ledger.ts'
import { SERVER_TENANT } from '../../schemas/primitives.ts'
import type { Command } from './command.ts'
import { connectedConfigOf, DATA_FLAG, type Connections } from './flags.ts'
import { openMasterKey } from './master-key.ts'
import { progressBar, type ProgressBar } from './progress.ts'
import { stopSignal } from './shutdown.ts'
import { ownRecorder } from './worker-erasures.ts'

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
    const { id, count } = await rewrapAll(config)
    if (file !== undefined) await retire(file, given.flags['keep'])
    say(`Everything is wrapped under ${id} (${count} keys)`)
    return 0
  }
}

/** A file of several keys is that of a rotation which was interrupted: it is taken up again. */
async function prepareFile (file: string): Promise<void> {
  const keys = await readKeyFile(file)
  if (keys.length === 1) await addKey(file)
  else say('Going on with a rotation that was begun before.')
}

async function rewrapAll (
  config: Config & Connections
): Promise<{ id: string, count: number }> {
  const masterKey = await openMasterKey(config)
  const pool = createPool({ url: config.databaseUrl, role: 'ledger_vault', max: 2 })
  const apiPool = createPool({ url: config.databaseUrl, role: 'ledger_api', max: 1 })
  const log = createLog({ url: config.eventstoreUrl, decoder: config.logDecoder })
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
    await ownRecorder(log, apiPool).recordOwn(SERVER_TENANT, [{
      action: 'ledger.master_key_rotated',
      category: 'system',
      actor: { type: 'system', id: 'ledger' },
      entity: FENCE,
      outcome: 'success',
      data: { to: masterKey.id, keys: count }
    }])
    return { id: masterKey.id, count }
  } finally {
    bar?.end()
    await log.close()
    await Promise.all([pool.end(), apiPool.end()])
  }
}

/** Only now, that nothing is wrapped under it any more. */
async function retire (file: string, keep: string | undefined): Promise<void> {
  if (keep !== undefined) {
    const older = (await readKeyFile(file)).slice(1)
    await createFile(keep, keyFileText(older)).catch((cause: unknown) => {
      throw new LedgerError('CONFIG_INVALID', `the old key could not be written to ${keep}; it ` +
        'is still in the key file, so run this again', { cause })
    })
  }
  await dropOlderKeys(file)
}

function say (text: string): void {
  process.stdout.write(`${text}\n`)
}
