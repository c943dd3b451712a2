import { spawnSync } from 'node:child_process'
import { chown, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/** The account the server runs as; undefined = our own, which is not root. */
export type Account = { readonly uid: number, readonly gid: number } | undefined

/**
 * Postgres refuses to run as root, so root hands it to `postgres`, or else to `nobody`.
 * It must be an account of the user database: Postgres looks its own name up.
 */
export function serverAccount (): Account {
  if (process.getuid?.() !== 0) return undefined
  for (const name of ['postgres', 'nobody']) {
    const uid = idOf(name, '-u')
    const gid = idOf(name, '-g')
    if (uid !== undefined && gid !== undefined) return { uid, gid }
  }
  throw new Error('Postgres does not run as root, and there is neither a user "postgres" nor ' +
    '"nobody" to run it as: create one, run as another user, or set DATABASE_URL')
}

function idOf (name: string, flag: '-u' | '-g'): number | undefined {
  const { status, stdout } = spawnSync('id', [flag, name], { encoding: 'utf8' })
  return status === 0 ? Number(stdout) : undefined
}

/** Gives a file or folder to the account; does nothing when that is ourselves. */
export async function give (path: string, account: Account): Promise<void> {
  if (account !== undefined) await chown(path, account.uid, account.gid)
}

/** Whether the account may pass through the folder and every folder above it. */
export async function reachable (folder: string, account: Account): Promise<boolean> {
  if (account === undefined) return true
  const { uid, gid, mode } = await stat(folder)
  const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001
  if ((mode & bit) === 0) return false
  return dirname(folder) === folder || await reachable(dirname(folder), account)
}
