import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { LedgerError } from '../errors.ts'
import { replaceKeyFile } from '../key-file.ts'
import { parseSignedCheckpoint, type Checkpoint } from '../proof/checkpoint.ts'
import { FormatError } from '../proof/format.ts'

/** What a witness remembers: the last checkpoint that it cosigned, of every log. */
export interface WitnessState {
  /** Undefined if it never cosigned one. Throws INTERNAL if what it remembers cannot be read. */
  last (origin: string): Promise<Checkpoint | undefined>
  /** Resolves when the signed checkpoint is on disk. A crash leaves either the one before or it. */
  remember (origin: string, note: string): Promise<void>
}

const SUFFIX = '.checkpoint'
/** Of a write that a crash cut off. */
const DRAFT = '.new'

/**
 * A folder with one file a log: the signed checkpoint itself, for people to read. No other process
 * may write there meanwhile.
 */
export async function folderState (folder: string): Promise<WitnessState> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  for (const name of await readdir(folder)) {
    if (name.endsWith(DRAFT)) await unlink(join(folder, name))
  }
  const fileOf = (origin: string): string =>
    join(folder, createHash('sha256').update(origin).digest('hex') + SUFFIX)
  return {
    async last (origin) {
      const file = fileOf(origin)
      const text = await readIfThere(file)
      return text === undefined ? undefined : checkpointIn(file, text, origin)
    },
    async remember (origin, note) {
      await replaceKeyFile(fileOf(origin), note)
    }
  }
}

async function readIfThere (file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (err) {
    if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return undefined
    throw err
  }
}

/** To take it for nothing would be to cosign anything. */
function checkpointIn (file: string, text: string, origin: string): Checkpoint {
  try {
    const { checkpoint } = parseSignedCheckpoint(text)
    if (checkpoint.origin === origin) return checkpoint
    throw new FormatError(`it is of ${checkpoint.origin}`)
  } catch (cause) {
    throw new LedgerError('INTERNAL', `${file} is not the last checkpoint of ${origin}`, { cause })
  }
}
