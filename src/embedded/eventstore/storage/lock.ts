/**
 * One owner for a data directory: a file with the owner's process id. The file of a process that
 * is gone, or whose id another process has by now, is taken over.
 */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

const LOCK_FILE = 'node.lock'
/** How long to wait for an owner that may just be exiting. */
export const LOCK_WAIT_MS = 5_000
const RETRY_MS = 50

/** The data directory belongs to a running process. */
export class DirectoryLockedError extends Error {
  override readonly name = 'DirectoryLockedError'
}

/**
 * Takes the directory, by a file of that name in it. Returns how to release it.
 * @throws {DirectoryLockedError} when its owner is still running after `waitMs`.
 */
export async function lockDirectory (
  dir: string, waitMs = LOCK_WAIT_MS, name = LOCK_FILE
): Promise<() => void> {
  const path = join(dir, name)
  const mine = identity(process.pid)
  const deadline = Date.now() + waitMs
  while (!tryLock(path, mine)) {
    const owner = readOwner(path)
    if (owner !== undefined && !isRunning(owner)) removeStale(path, owner)
    else if (Date.now() < deadline) await sleep(RETRY_MS)
    else {
      throw new DirectoryLockedError(`${dir} belongs to process ${owner?.split(' ')[0] ?? '?'}, ` +
        `which is running; if that is something else, delete ${path}`)
    }
  }
  let held = true
  return () => {
    if (held && readOwner(path) === mine) rmSync(path, { force: true })
    held = false
  }
}

/** A link appears with its content, unlike a file that is created and then written. */
function tryLock (path: string, mine: string): boolean {
  const draft = `${path}.${randomUUID()}`
  writeFileSync(draft, mine)
  try {
    linkSync(draft, path)
    return true
  } catch (err) {
    if (hasCode(err, 'EEXIST')) return false
    throw err
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Moves the stale file away; if another took over in between, its file is put back. */
function removeStale (path: string, owner: string): void {
  const aside = `${path}.${randomUUID()}`
  try {
    renameSync(path, aside)
    if (readOwner(aside) !== owner) linkSync(aside, path)
  } catch (err) {
    if (!hasCode(err, 'ENOENT') && !hasCode(err, 'EEXIST')) throw err
  }
  rmSync(aside, { force: true })
}

function readOwner (path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (err) {
    if (hasCode(err, 'ENOENT')) return undefined
    throw err
  }
}

function isRunning (owner: string): boolean {
  const pid = Number(owner.split(' ')[0])
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
  } catch (err) {
    return hasCode(err, 'EPERM')
  }
  return identity(pid) === owner
}

/** The process id and, where the system tells, its start: an id alone may be another's by now. */
function identity (pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // A zombie holds nothing any more: it only waits for its parent to notice.
    return fields[0] === 'Z' ? `${pid} gone` : `${pid} ${fields[19] ?? ''}`
  } catch {
    return `${pid} `
  }
}

function hasCode (err: unknown, code: string): boolean {
  return err instanceof Error && 'code' in err && err.code === code
}
