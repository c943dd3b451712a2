import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { hasCode, LedgerError } from '../errors.ts'
import { createFile } from '../key-file.ts'
import { parseSignedCheckpoint, type Checkpoint } from '../proof/checkpoint.ts'
import { FormatError } from '../proof/format.ts'

/** The last checkpoint of a log that was cosigned. */
export interface Remembered {
  checkpoint: Checkpoint
  /** Counted from 1, of each log. */
  number: number
}

/** What a witness remembers: the last checkpoint that it cosigned, of every log. */
export interface WitnessState {
  /** Undefined if it never cosigned one. Throws INTERNAL if what it remembers cannot be read. */
  last (origin: string): Promise<Remembered | undefined>
  /**
   * Puts the signed checkpoint in the place of the one that was the last; false if that is not the
   * last any more. Resolves when it is on disk. A crash leaves either the one before or it.
   */
  remember (origin: string, note: string, last: Remembered | undefined): Promise<boolean>
}

const SUFFIX = '.checkpoint'
/** As they were called when no other process could write there. */
const UNNUMBERED = /^[0-9a-f]{64}\.checkpoint$/
/** Of a write that a crash cut off. */
const DRAFT = '.new'

/**
 * A folder with one file a log: the signed checkpoint itself, for people to read. Its name has its
 * number, which only one can take: whatever other process writes there meanwhile, no two go on
 * from the same checkpoint.
 */
export async function folderState (folder: string): Promise<WitnessState> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  for (const name of await readdir(folder)) {
    if (name.endsWith(DRAFT)) await unlink(join(folder, name))
    if (UNNUMBERED.test(name)) {
      const numbered = name.replace(SUFFIX, `.1${SUFFIX}`)
      await rename(join(folder, name), join(folder, numbered))
    }
  }
  const nameOf = (origin: string): string => createHash('sha256').update(origin).digest('hex')
  const fileOf = (origin: string, number: number): string =>
    join(folder, `${nameOf(origin)}.${number}${SUFFIX}`)
  const numbersOf = async (origin: string): Promise<number[]> => {
    const head = `${nameOf(origin)}.`
    return (await readdir(folder))
      .filter((name) => name.startsWith(head) && name.endsWith(SUFFIX))
      .map((name) => Number(name.slice(head.length, -SUFFIX.length)))
  }
  return {
    async last (origin) {
      for (;;) {
        const number = Math.max(0, ...await numbersOf(origin))
        if (number === 0) return undefined
        const file = fileOf(origin, number)
        const text = await readIfThere(file)
        // It is gone once there is a later one.
        if (text !== undefined) return { checkpoint: checkpointIn(file, text, origin), number }
      }
    },
    async remember (origin, note, last) {
      const number = (last?.number ?? 0) + 1
      const file = fileOf(origin, number)
      if (!await createIfNone(file, note)) return false
      const numbers = await numbersOf(origin)
      // The number was free because who was further had removed it: the highest is never removed.
      const isLate = numbers.some((other) => other > number)
      const gone = isLate ? [number] : numbers.filter((other) => other < number)
      for (const one of gone) await rm(fileOf(origin, one), { force: true })
      return !isLate
    }
  }
}

/** Whether it was made; false if there is one already. */
async function createIfNone (file: string, text: string): Promise<boolean> {
  try {
    await createFile(file, text)
    return true
  } catch (err) {
    if (hasCode(err, 'EEXIST')) return false
    throw err
  }
}

async function readIfThere (file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (err) {
    if (hasCode(err, 'ENOENT')) return undefined
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
