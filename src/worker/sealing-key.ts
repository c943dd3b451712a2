import { randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { LedgerError } from '../errors.ts'
import { createKeyFile, KeyFileError, readKeyFile, replaceKeyFile } from '../key-file.ts'
import { ED25519, signerFrom, type Signer } from '../proof/keys.ts'

/** Who can sign for a log: with the key of now, and with the one before it, if there was one. */
export interface LogSigners {
  current: Signer
  previous: Signer | undefined
}

/**
 * The keys that checkpoints are signed with. A file holds them by default; a service that signs
 * can stand in. The keys of all tenants' logs are one key under different names.
 */
export interface SealingKeys {
  /** Asked before every round of sealing, so that a rotation is seen. */
  signers (origin: string): Promise<LogSigners>
}

const SEED_BYTES = 32
const MARK = 'audit-ledger-sealing-key-1'
const LINE = new RegExp(`^${MARK} ([A-Za-z0-9_-]{43})$`)

/**
 * The keys in a file that only its owner may read; made at random if there is none. Throws
 * SEALING_KEY_INVALID if the file is readable for others, or does not hold such keys.
 */
export async function fileSealingKeys (path: string): Promise<SealingKeys> {
  await createKeyFile(path, () => textOf([newSeed()]))
  let seeds = await readSeeds(path)
  let version = await versionOf(path)
  return {
    async signers (origin) {
      const found = await versionOf(path)
      if (found !== version) {
        seeds = await readSeeds(path)
        version = found
      }
      const [current, previous] = seeds.map((seed) => signerFrom(origin, ED25519, seed))
      if (current === undefined) throw invalid(`${path} holds no sealing key`)
      return { current, previous }
    }
  }
}

/**
 * Makes a new key the current one. The one before it stays in the file to sign, once for each
 * tenant, the checkpoint that hands over; one older than that is removed. A sealer that runs
 * follows by itself.
 */
export async function rotateSealingKey (path: string): Promise<void> {
  const [current] = await readSeeds(path)
  if (current === undefined) throw invalid(`${path} holds no sealing key`)
  await replaceKeyFile(path, textOf([newSeed(), current]))
}

async function readSeeds (path: string): Promise<Buffer[]> {
  const lines = (await readText(path)).split('\n').filter((line) => line !== '')
  return lines.map((line) => {
    const seed = LINE.exec(line)?.[1]
    if (seed === undefined) throw invalid(`${path} does not hold sealing keys`)
    return Buffer.from(seed, 'base64url')
  })
}

async function readText (path: string): Promise<string> {
  try {
    return await readKeyFile(path)
  } catch (err) {
    throw err instanceof KeyFileError ? invalid(err.message, err) : err
  }
}

async function versionOf (path: string): Promise<string> {
  const { ino, mtimeMs, size } = await stat(path)
  return `${ino} ${mtimeMs} ${size}`
}

function newSeed (): Buffer {
  return randomBytes(SEED_BYTES)
}

function textOf (seeds: readonly Buffer[]): string {
  return seeds.map((seed) => `${MARK} ${seed.toString('base64url')}\n`).join('')
}

function invalid (message: string, cause?: unknown): LedgerError {
  return new LedgerError('SEALING_KEY_INVALID', message, { cause })
}
