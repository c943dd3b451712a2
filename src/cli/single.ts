import { DirectoryLockedError, lockDirectory } from '../embedded/eventstore/storage/lock.ts'
import { LedgerError } from '../errors.ts'

const LOCK_FILE = 'ledger.lock'

/**
 * Makes this process the only one that runs a ledger on the folder, by whatever path it is reached;
 * the result gives it up again. What a process that was killed held is free. Throws CONFIG_INVALID
 * if somebody else holds it.
 */
export async function holdAlone (dataDir: string): Promise<() => void> {
  try {
    return await lockDirectory(dataDir, 0, LOCK_FILE)
  } catch (cause) {
    if (!(cause instanceof DirectoryLockedError)) throw cause
    throw new LedgerError('CONFIG_INVALID', `another audit-ledger already runs on ${dataDir}; ` +
      `stop it or choose another --data folder (${cause.message})`, { cause })
  }
}
