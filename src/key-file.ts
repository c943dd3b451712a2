import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { hasCode } from './errors.ts'

/** Why a key file is not used: a sentence that names it and never quotes it. */
export class KeyFileError extends Error {}

/**
 * The text of a file that holds a secret. Throws KeyFileError if others than its owner may use it.
 */
export async function readKeyFile (path: string): Promise<string> {
  const { mode } = await stat(path)
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new KeyFileError(`others than its owner may use the key file ${path}: chmod 600 it`)
  }
  return await readFile(path, 'latin1')
}

/**
 * Makes the file with that text unless there is one. Of two processes that find none at once, one
 * makes it. A crash leaves either no file or a whole one.
 */
export async function createKeyFile (path: string, text: () => string): Promise<void> {
  if (await stat(path).then(() => true, () => false)) return
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await createFile(path, text()).catch((err: unknown) => {
    if (!hasCode(err, 'EEXIST')) throw err
  })
}

/** Writes a file that only its owner may read, whole or not at all. Throws EEXIST. */
export async function createFile (path: string, text: string): Promise<void> {
  const draft = await writeDraft(path, text)
  try {
    await link(draft, path)
  } finally {
    await unlink(draft)
  }
  await syncFolder(dirname(path))
}

/** Puts another text into the file. A crash leaves either the old or the new one. */
export async function replaceKeyFile (path: string, text: string): Promise<void> {
  await rename(await writeDraft(path, text), path)
  await syncFolder(dirname(path))
}

async function writeDraft (path: string, text: string): Promise<string> {
  const draft = `${path}.${randomBytes(6).toString('hex')}.new`
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  return draft
}

/** A new name is only durable once its folder is. Windows cannot sync folders, and need not. */
async function syncFolder (path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
