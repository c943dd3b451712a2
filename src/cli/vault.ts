import path from 'node:path'
import type { Config } from '../config.ts'
import { LedgerError } from '../errors.ts'
import { createLog } from '../ledger/client.ts'
import { applyFence } from '../ledger/fence.ts'
import { createPool, type Pool } from '../postgres/pool.ts'
import { createEraser } from '../privacy/eraser.ts'
import { checkVaultFile, exportVault, restoreVault } from '../privacy/vault-file.ts'
import type { Command } from './command.ts'
import { connectedConfigOf, DATA_FLAG, type Connections } from './flags.ts'
import { openMasterKey } from './master-key.ts'

/** The vault in a file of its own, and back: wrapped in both directions. */
export const vault: Command = {
  name: 'vault',
  summary: 'vault export FILE keeps everybody\'s keys, wrapped; vault restore FILE brings back ' +
    'what the vault has lost, and nobody who was erased.',
  positionals: ['export|restore', 'FILE'],
  flags: { ...DATA_FLAG },
  run: async (given) => {
    const config = connectedConfigOf(given)
    const [action, name] = given.positionals
    if (name === undefined || (action !== 'export' && action !== 'restore')) {
      throw new LedgerError('CONFIG_INVALID', 'say: vault export FILE, or vault restore FILE')
    }
    const file = path.resolve(name)
    const pool = createPool({ url: config.databaseUrl, role: 'ledger_vault', max: 2 })
    try {
      say(action === 'export' ? await keep(pool, file) : await bringBack(pool, file, config))
    } finally {
      await pool.end()
    }
    return 0
  }
}

async function keep (pool: Pool, file: string): Promise<string> {
  const subjects = await exportVault(pool, file)
  return `${subjects} keys are in ${file}, wrapped: keep the master key somewhere else`
}

/** The orders of the log come first, for the file may be older than they are. */
async function bringBack (
  pool: Pool, file: string, config: Config & Connections
): Promise<string> {
  const { tenants } = await checkVaultFile(file)
  const masterKey = await openMasterKey(config)
  const log = createLog({ url: config.eventstoreUrl, decoder: config.logDecoder })
  try {
    await applyFence(log, createEraser(pool), tenants)
  } finally {
    await log.close()
  }
  const { added, present, erased } = await restoreVault(pool, file, masterKey)
  return `${added} keys are back, ${present} were there, ${erased} belong to persons who were ` +
    'erased and stay erased'
}

function say (text: string): void {
  process.stdout.write(`${text}\n`)
}
