import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { codeOf } from '../postgres/errors.ts'
import { LedgerError } from '../errors.ts'

const KEY_BYTES = 32
const LINE = /^audit-ledger-master-key-1 ([A-Za-z0-9_-]{43})$/

/**
 * The keys of a master key file, the one that wraps first; a file is made if there is none. Throws
 * VAULT_KEY_INVALID if the file is readable for others, or holds anything but master keys.
 */
export async function readKeyFile (path: string): Promise<Buffer[]> {
  await createUnlessThere(path)
  const { mode } = await stat(path)
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new LedgerError('VAULT_KEY_INVALID',
      `others than its owner may use the master key file ${path}: chmod 600 it`)
  }
  const lines = (await readFile(path, 'latin1')).replace(/\n$/, '').split('\n')
  if (new Set(lines).size !== lines.length) {
    throw new LedgerError('VAULT_KEY_INVALID', `${path} holds the same key twice`)
  }
  return lines.map((line) => {
    const encoded = LINE.exec(line)?.[1]
    if (encoded === undefined) {
      throw new LedgerError('VAULT_KEY_INVALID', `${path} does not hold a master key`)
    }
    return Buffer.from(encoded, 'base64url')
  })
}

/** Puts a new random key before those that are there; these still open what they wrapped. */
export async function addKey (path: string): Promise<void> {
  const keys = await readKeyFile(path)
  await replaceFile(path, keyFileText([randomBytes(KEY_BYTES), ...keys]))
}

/** Leaves the first key only. */
export async function dropOlderKeys (path: string): Promise<void> {
  const [current] = await readKeyFile(path)
  if (current !== undefined) await replaceFile(path, keyFileText([current]))
}

/** Writes a file that only its owner may read, whole or not at all, over what was there. */
async function replaceFile (path: string, text: string): Promise<void> {
  const draft = await writeDraft(path, text)
  await rename(draft, path)
  await syncFolder(dirname(path))
}

/** The same, but only if nothing is there. Throws EEXIST. */
export async function createFile (path: string, text: string): Promise<void> {
  const draft = await writeDraft(path, text)
  try {
    await link(draft, path)
  } finally {
    await unlink(draft)
  }
  await syncFolder(dirname(path))
}

async function createUnlessThere (path: string): Promise<void> {
  if (await stat(path).then(() => true, () => false)) return
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await createFile(path, keyFileText([randomBytes(KEY_BYTES)])).catch((err: unknown) => {
    if (codeOf(err) !== 'EEXIST') throw err
  })
}

/** What a file of these keys holds, the one that wraps first. */
export function keyFileText (keys: readonly Buffer[]): string {
  return keys.map((key) => `audit-ledger-master-key-1 ${key.toString('base64url')}\n`).join('')
}

/** Under another name first: a crash leaves either nothing of it or all. */
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
