import { readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { hasCode } from './files.ts'

/** What a running server says about itself in postmaster.pid. */
export interface Postmaster { readonly pid: number, readonly port: number, readonly status: string }

/** The lock file of the data folder, whether or not its server still runs. */
export async function readPostmaster (place: string): Promise<Postmaster | undefined> {
  const text = await readFile(join(place, 'postmaster.pid'), 'utf8').catch(() => '')
  const lines = text.split('\n')
  const pid = Number(lines[0])
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined
  return { pid, port: Number(lines[3] ?? 0), status: (lines[7] ?? '').trim() }
}

/** Whether the process runs; one that is dead but not yet waited for does not. */
export function isRunning (pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (err) {
    if (!hasCode(err, 'EPERM')) return false
  }
  return process.platform !== 'linux' || !['Z', 'X', ''].includes(stateOf(pid))
}

function stateOf (pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3)
  } catch {
    return ''
  }
}

/**
 * Whether the process runs and is the server of this data folder, which stands in its command
 * line. Elsewhere than on Linux that cannot be seen and the lock file is believed.
 */
export function serves (pid: number, place: string): boolean {
  if (!isRunning(pid)) return false
  if (process.platform !== 'linux') return true
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(place)
  } catch {
    return false
  }
}

/**
 * Makes a lock file stale whose process id now belongs to a stranger, as happens in containers,
 * where ids start over: Postgres would refuse for ever. Removing the file would also remove
 * the guard against leftover backends, so only the id is replaced: Postgres takes a lock that
 * names its own parent, which is us, for a stale one.
 */
export async function disownLock (place: string): Promise<void> {
  const path = join(place, 'postmaster.pid')
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return
  await writeFile(path, text.replace(/^\d+/, String(process.pid)), { flag: 'r+' })
}

/** Fast shutdown first; immediate and then kill for a server that does not obey: 8 s in all. */
const ESCALATION = [['SIGINT', 4_500], ['SIGQUIT', 1_500], ['SIGKILL', 2_000]] as const

/**
 * Ends the server within 10 s; a harder way than SIGINT costs a recovery, not data.
 * On Windows every signal is the hardest.
 */
export async function stopPostmaster (pid: number, place: string): Promise<void> {
  for (const [signal, waitMs] of ESCALATION) {
    if (!serves(pid, place)) return
    try {
      process.kill(pid, signal)
    } catch {
      return
    }
    if (await goneWithin(pid, waitMs)) return
  }
  throw new Error(`Postgres (process ${pid}) did not end, not even by SIGKILL`)
}

/** By its process, not its command line: that is gone a little earlier, while files are closed. */
async function goneWithin (pid: number, waitMs: number): Promise<boolean> {
  const until = Date.now() + waitMs
  while (isRunning(pid)) {
    if (Date.now() >= until) return false
    await sleep(10)
  }
  return true
}
