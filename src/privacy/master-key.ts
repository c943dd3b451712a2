import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { codeOf } from '../postgres/errors.ts'
import { LedgerError } from '../errors.ts'

/**
 * The key that all data keys are wrapped under. It lives outside Postgres: whoever has a copy of
 * the database alone can open nothing. `unwrap` throws for what another key wrapped.
 */
export interface MasterKey {
  /** Names the key without telling it; written beside everything it wrapped. */
  readonly id: string
  wrap (plain: Buffer): Promise<Buffer>
  unwrap (wrapped: Buffer): Promise<Buffer>
}

const KEY_BYTES = 32
const FORMAT = /^audit-ledger-master-key-1 ([A-Za-z0-9_-]{43})\n?$/
/** RFC 3394 section 2.2.3.1: what an intact unwrapped key starts from. */
const KEY_WRAP_IV = Buffer.alloc(8, 0xa6)

/**
 * The master key in a file that only its owner may read; made at random if there is none. Of two
 * processes that find none at once, one makes it and both use it. Throws VAULT_KEY_INVALID if the
 * file is readable for others, or is not a master key.
 */
export async function fileMasterKey (path: string): Promise<MasterKey> {
  await createUnlessThere(path)
  const { mode } = await stat(path)
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new LedgerError('VAULT_KEY_INVALID',
      `others than its owner may use the master key file ${path}: chmod 600 it`)
  }
  const encoded = FORMAT.exec(await readFile(path, 'latin1'))?.[1]
  if (encoded === undefined) {
    throw new LedgerError('VAULT_KEY_INVALID', `${path} does not hold a master key`)
  }
  return localMasterKey(Buffer.from(encoded, 'base64url'))
}

/** A master key from its 32 bytes; wraps with AES-256 key wrap (RFC 3394). */
export function localMasterKey (key: Buffer): MasterKey {
  if (key.length !== KEY_BYTES) throw new RangeError(`a master key has ${KEY_BYTES} bytes`)
  const digest = createHmac('sha256', key).update('audit-ledger master key id').digest('hex')
  return {
    id: `local:${digest.slice(0, 16)}`,
    async wrap (plain) {
      const cipher = createCipheriv('id-aes256-wrap', key, KEY_WRAP_IV)
      return Buffer.concat([cipher.update(plain), cipher.final()])
    },
    async unwrap (wrapped) {
      // OpenSSL takes nothing at all for an intact nothing.
      if (wrapped.length === 0) throw new RangeError('an empty text is no wrapped key')
      const decipher = createDecipheriv('id-aes256-wrap', key, KEY_WRAP_IV)
      return Buffer.concat([decipher.update(wrapped), decipher.final()])
    }
  }
}

/** Written whole under another name first: a crash leaves either no key file or a good one. */
async function createUnlessThere (path: string): Promise<void> {
  if (await stat(path).then(() => true, () => false)) return
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const key = randomBytes(KEY_BYTES).toString('base64url')
  const draft = `${path}.${randomBytes(6).toString('hex')}.new`
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(`audit-ledger-master-key-1 ${key}\n`)
    await file.sync()
    await link(draft, path)
  } catch (err) {
    if (codeOf(err) !== 'EEXIST') throw err
  } finally {
    await file.close()
    await unlink(draft)
  }
  await syncFolder(dirname(path))
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
