import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'
import { LedgerError } from '../errors.ts'
import { createKeyFile, KeyFileError, readKeyFile } from '../key-file.ts'

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
  await createKeyFile(path, () =>
    `audit-ledger-master-key-1 ${randomBytes(KEY_BYTES).toString('base64url')}\n`)
  const encoded = FORMAT.exec(await readText(path))?.[1]
  if (encoded === undefined) {
    throw new LedgerError('VAULT_KEY_INVALID', `${path} does not hold a master key`)
  }
  return localMasterKey(Buffer.from(encoded, 'base64url'))
}

async function readText (path: string): Promise<string> {
  try {
    return await readKeyFile(path)
  } catch (err) {
    if (!(err instanceof KeyFileError)) throw err
    throw new LedgerError('VAULT_KEY_INVALID', err.message, { cause: err })
  }
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
