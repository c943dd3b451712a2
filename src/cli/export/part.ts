import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { access, open, readFile, rename, rm, stat, writeFile, type FileHandle } from
  'node:fs/promises'
import path from 'node:path'
import { LedgerError } from '../../errors.ts'

/** Others on the machine are not to read what was exported. */
const PRIVATE = 0o600

/** Which export a file is the beginning of. */
export interface Origin {
  /** The ledger's address. */
  url: string
  id: string
  /** The entity tag of the bytes that lie there; undefined before the first. */
  etag?: string
}

/**
 * A file that is being downloaded: `FILE.part` holds what has come, `FILE.part.json` of which
 * export. Both are gone, and FILE is there, once its digest was found right.
 */
export class PartFile {
  readonly #file: string
  readonly #part: string
  readonly #origin: string

  constructor (file: string) {
    this.#file = path.resolve(file)
    this.#part = `${this.#file}.part`
    this.#origin = `${this.#part}.json`
  }

  /** Throws CONFIG_INVALID if the file is there already. */
  async requireNew (): Promise<void> {
    if (!await exists(this.#file)) return
    throw new LedgerError('CONFIG_INVALID', `${this.#file} is there already`)
  }

  /** What an earlier run has begun, undefined for a new file. */
  async origin (): Promise<Origin | undefined> {
    return await exists(this.#origin)
      ? JSON.parse(await readFile(this.#origin, 'utf8'))
      : undefined
  }

  async setOrigin (origin: Origin): Promise<void> {
    await writeFile(this.#origin, `${JSON.stringify(origin)}\n`, { mode: PRIVATE })
  }

  /** How many bytes have come. */
  async size (): Promise<number> {
    return await exists(this.#part) ? (await stat(this.#part)).size : 0
  }

  /** For writing on, or from the start. To be closed by the caller. */
  async open (mode: 'anew' | 'on'): Promise<FileHandle> {
    return await open(this.#part, mode === 'anew' ? 'w' : 'a', PRIVATE)
  }

  /** Makes the file what it is to be. Throws INTERNAL, and begins anew next time, if it is not. */
  async finish (sha256: string): Promise<void> {
    const digest = createHash('sha256')
    for await (const chunk of createReadStream(this.#part)) digest.update(chunk)
    if (digest.digest('hex') !== sha256) {
      await rm(this.#part)
      throw new LedgerError('INTERNAL', 'what came has not the digest that is on record: try again')
    }
    await rename(this.#part, this.#file)
    await rm(this.#origin)
  }

  /** Forgets what has come. */
  async discard (): Promise<void> {
    await rm(this.#part, { force: true })
    await rm(this.#origin, { force: true })
  }
}

async function exists (file: string): Promise<boolean> {
  return await access(file).then(() => true, () => false)
}
