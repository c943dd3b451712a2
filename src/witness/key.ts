import { randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { LedgerError } from '../errors.ts'
import { createKeyFile, KeyFileError, readKeyFile } from '../key-file.ts'
import { FormatError } from '../proof/format.ts'
import { COSIGNATURE, parseSigner, signerFrom, type Signer } from '../proof/keys.ts'

const SEED_BYTES = 32

/**
 * The witness's key from a file that only its owner may read; made at random under that name if
 * there is none. Throws CONFIG_INVALID without a name for a new key, for another name than the
 * key's, and for a file that is readable for others or holds no such key.
 */
export async function witnessKey (path: string, name: string | undefined): Promise<Signer> {
  try {
    if (name === undefined) await requireFile(path)
    else {
      await createKeyFile(path, () =>
        `${signerFrom(name, COSIGNATURE, randomBytes(SEED_BYTES)).text}\n`)
    }
    const signer = parseSigner((await readKeyFile(path)).trim())
    if (signer.key.type !== COSIGNATURE) throw new FormatError('it is not a cosignature key')
    if (name === undefined || name === signer.key.name) return signer
    throw new FormatError(`its name is ${signer.key.name}, and stays so`)
  } catch (cause) {
    if (!(cause instanceof FormatError || cause instanceof KeyFileError)) throw cause
    throw new LedgerError('CONFIG_INVALID', `${path}: ${cause.message}`, { cause })
  }
}

async function requireFile (path: string): Promise<void> {
  if (await stat(path).then(() => true, () => false)) return
  throw new FormatError('there is no key yet; say by --name how the witness is to be called, ' +
    'a URL without its scheme: witness.example/w1')
}
