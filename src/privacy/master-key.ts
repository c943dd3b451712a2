import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import { LedgerError } from '../errors.ts'
import { readKeyFile } from './key-file.ts'

/**
 * The key that all data keys are wrapped under. It lives outside Postgres: whoever has a copy of
 * the database alone can open nothing. `unwrap` throws for what another key wrapped.
 */
export interface MasterKey {
  /** Names the key without telling it; written beside everything it wrapped. */
  readonly id: string
  wrap (plain: Buffer): Promise<Buffer>
  unwrap (wrapped: Buffer): Promise<Buffer>
  /**
   * The key of that id where several are in use, as during a rotation. Looks again at where keys
   * come from for one that it has not met, and may itself be another key afterwards.
   */
  find? (id: string): Promise<MasterKey | undefined>
}

export const MASTER_KEY_BYTES = 32
/** RFC 3394 section 2.2.3.1: what an intact unwrapped key starts from. */
const KEY_WRAP_IV = Buffer.alloc(8, 0xa6)

/**
 * The master key in a file that only its owner may read; made at random if there is none. Of two
 * processes that find none at once, one makes it and both use it. While keys are rotated the file
 * holds several, the first of which wraps. Throws VAULT_KEY_INVALID if the file is readable for
 * others, or is not a master key.
 */
export async function fileMasterKey (path: string): Promise<MasterKey> {
  let keys = (await readKeyFile(path)).map(localMasterKey)
  const current = (): MasterKey => {
    const [first] = keys
    if (first === undefined) throw new LedgerError('VAULT_KEY_INVALID', `${path} is empty`)
    return first
  }
  const known = (id: string): MasterKey | undefined => keys.find((key) => key.id === id)
  return {
    get id () { return current().id },
    wrap: async (plain) => await current().wrap(plain),
    unwrap: async (wrapped) => await current().unwrap(wrapped),
    async find (id) {
      if (known(id) === undefined || id !== current().id) {
        keys = (await readKeyFile(path)).map(localMasterKey)
      }
      return known(id)
    }
  }
}

/** A master key from its 32 bytes; wraps with AES-256 key wrap (RFC 3394). */
export function localMasterKey (key: Buffer): MasterKey {
  if (key.length !== MASTER_KEY_BYTES) {
    throw new RangeError(`a master key has ${MASTER_KEY_BYTES} bytes`)
  }
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

/** A key that wraps, and others that still open what they wrapped before it took over. */
export function withOlder (current: MasterKey, older: MasterKey): MasterKey {
  return {
    id: current.id,
    wrap: current.wrap,
    unwrap: current.unwrap,
    async find (id) {
      if (id === current.id) return current
      return id === older.id ? older : await older.find?.(id)
    }
  }
}
