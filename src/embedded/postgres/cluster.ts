import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  link, lstat, mkdir, mkdtemp, readFile, realpath, rename, rm, symlink, writeFile
} from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

import { give, reachable } from './account.ts'
import type { Binaries } from './binaries.ts'
import { childOptions } from './child.ts'
import { draftOf, hasCode } from './files.ts'
import type { Shelter } from './npm-binaries.ts'

/** The bootstrap superuser's name. Nothing but this launcher and the tests log in as it. */
export const SUPERUSER = 'postgres'

export interface Passwords { readonly superuser: string, readonly owner: string }

/**
 * Where the data really is, free of symbolic links. When the server's account cannot reach the
 * folder asked for (root's own 0700 home, say), the data goes to the shelter and a link to it is
 * left in place of the folder: removing the link starts afresh, as removing the folder would.
 */
export async function placeData (dataDir: string, shelter: Shelter): Promise<string> {
  await mkdir(dirname(dataDir), { recursive: true })
  if (await lstat(dataDir).then(() => true, () => false)) return await realpath(dataDir)
  const parent = await realpath(dirname(dataDir))
  if (await reachable(parent, shelter.account)) return join(parent, basename(dataDir))
  await mkdir(shelter.folder, { recursive: true, mode: 0o755 })
  const place = await mkdtemp(join(shelter.folder, 'postgres-'))
  await symlink(place, dataDir)
  shelter.say(`${parent} is closed to the account that Postgres runs as: its data is in ${place}`)
  return place
}

/** The major version that wrote the data, or undefined if there is none yet. */
export async function dataVersion (place: string): Promise<number | undefined> {
  try {
    return Number((await readFile(join(place, 'PG_VERSION'), 'utf8')).trim())
  } catch (err) {
    if (hasCode(err, 'ENOENT')) return undefined
    throw err
  }
}

/**
 * The passwords kept beside the data folder in files of mode 0600, made on the first boot.
 * Two first boots at once agree on them, because a file that is there is never overwritten.
 */
export async function passwords (dataDir: string): Promise<Passwords> {
  return {
    superuser: await secretFile(`${dataDir}.superuser-password`),
    owner: await secretFile(`${dataDir}.owner-password`)
  }
}

async function secretFile (path: string): Promise<string> {
  const draft = draftOf(path)
  try {
    return await readFile(path, 'utf8')
  } catch (err) {
    if (!hasCode(err, 'ENOENT')) throw err
  }
  const secret = randomBytes(24).toString('hex')
  try {
    await writeFile(draft, secret, { mode: 0o600 })
    await link(draft, path)
    return secret
  } catch (err) {
    if (!hasCode(err, 'EEXIST')) throw err
    return await readFile(path, 'utf8')
  } finally {
    await rm(draft, { force: true })
  }
}

/**
 * Makes the cluster under another name and renames it: a first boot that was killed half-way
 * leaves nothing in its place, and of two first boots at once one wins and both go on with it.
 */
export async function createCluster (
  place: string, binaries: Binaries, password: string, shelter: Shelter
): Promise<void> {
  const draft = draftOf(place)
  const pwfile = `${draft}.password`
  try {
    await mkdir(draft, { mode: 0o700 })
    await writeFile(pwfile, password, { mode: 0o600 })
    await give(draft, shelter.account)
    await give(pwfile, shelter.account)
    await initdb(binaries, ['-D', draft, `--pwfile=${pwfile}`], shelter)
    await rename(draft, place)
  } catch (err) {
    if (!hasCode(err, 'ENOTEMPTY', 'EEXIST')) throw err
    if (await dataVersion(place) === undefined) {
      throw new Error(`${place} is not empty, but holds no database`)
    }
  } finally {
    await rm(pwfile, { force: true })
    await rm(draft, { recursive: true, force: true })
  }
}

/** Sorting by code point, the same everywhere and for ever; names of places do not matter to us. */
const LOCALE = ['--encoding=UTF8', '--locale=C']
/** The same, and upper/lower case beyond ASCII; new in Postgres 17. */
const LOCALE_17 = [...LOCALE, '--locale-provider=builtin', '--builtin-locale=C.UTF-8']

async function initdb (binaries: Binaries, args: string[], shelter: Shelter): Promise<void> {
  const all = [
    ...args, '-U', SUPERUSER, '--data-checksums', '--auth=scram-sha-256',
    ...(binaries.major >= 17 ? LOCALE_17 : LOCALE)
  ]
  const child = spawn(join(binaries.bin, 'initdb'), all, {
    ...childOptions(shelter.account), stdio: ['ignore', 'ignore', 'pipe']
  })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => { said += chunk.toString() })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) throw new Error(`initdb failed with code ${code}: ${said.trim()}`)
}
