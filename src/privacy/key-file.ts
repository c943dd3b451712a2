import { randomBytes } from 'node:crypto'
import { hasCode, LedgerError } from '../errors.ts'
import {
  createKeyFile, KeyFileError, readKeyFile as readText, replaceKeyFile
} from '../key-file.ts'

const KEY_BYTES = 32
const LINE = /^audit-ledger-master-key-1 ([A-Za-z0-9_-]{43})$/

/**
 * The keys of a master key file, the one that wraps first; a file is made if there is none. Throws
 * VAULT_KEY_INVALID if the file is readable for others, or holds anything but master keys.
 */
export async function readKeyFile (path: string): Promise<Buffer[]> {
  await createKeyFile(path, () => keyFileText([randomBytes(KEY_BYTES)]))
  return await readKeys(path)
}

/** The same of a file that must be there: else throws VAULT_KEY_INVALID as well. */
export async function readKeys (path: string): Promise<Buffer[]> {
  const text = await readText(path).catch((err: unknown) => {
    if (hasCode(err, 'ENOENT')) {
      throw new LedgerError('VAULT_KEY_INVALID', `there is no file ${path}`)
    }
    if (!(err instanceof KeyFileError)) throw err
    throw new LedgerError('VAULT_KEY_INVALID', err.message, { cause: err })
  })
  const lines = text.replace(/\n$/, '').split('\n')
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
  await replaceKeyFile(path, keyFileText([randomBytes(KEY_BYTES), ...keys]))
}

/** Leaves the first key only. */
export async function dropOlderKeys (path: string): Promise<void> {
  const [current] = await readKeyFile(path)
  if (current !== undefined) await replaceKeyFile(path, keyFileText([current]))
}

/** What a file of these keys holds, the one that wraps first. */
export function keyFileText (keys: readonly Buffer[]): string {
  return keys.map((key) => `audit-ledger-master-key-1 ${key.toString('base64url')}\n`).join('')
}
