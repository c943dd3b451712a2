import { readFile, stat } from 'node:fs/promises'
import { LedgerError } from '../errors.ts'
import { FormatError } from '../proof/format.ts'
import { parseVerifierKey } from '../proof/keys.ts'
import { parsePolicy, policyOf, type PolicyLog } from '../proof/policy.ts'

const LOG_LINE = /^[ \t]*log[ \t]/

/** The logs that a witness cosigns for, by their keys. */
export interface KnownLogs {
  /** The keys of now. Throws CONFIG_INVALID for a file that became unreadable. */
  all (): Promise<readonly PolicyLog[]>
}

/** Logs that are known by their vkeys alone. Throws CONFIG_INVALID for one that is none. */
export function givenLogs (vkeys: readonly string[]): KnownLogs {
  const { logs } = sentence('--log', () => policyOf(vkeys.map(parseVerifierKey)))
  return { all: async () => logs }
}

/**
 * The `log` lines of a file, as C2SP tlog-policy writes them and as a ledger publishes them; other
 * lines say nothing here. Unlike in a policy one key may stand under several names: it is that of
 * all trees of a ledger. Read again when the file changes. Throws CONFIG_INVALID.
 */
export async function fileLogs (path: string): Promise<KnownLogs> {
  let version = await versionOf(path)
  let logs = await readLogs(path)
  return {
    async all () {
      const found = await versionOf(path)
      if (found !== version) {
        logs = await readLogs(path)
        version = found
      }
      return logs
    }
  }
}

/** All of several. */
export function joinLogs (parts: readonly KnownLogs[]): KnownLogs {
  return { all: async () => (await Promise.all(parts.map(async (one) => await one.all()))).flat() }
}

async function readLogs (path: string): Promise<readonly PolicyLog[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => LOG_LINE.test(line))
  return sentence(path, () => lines.flatMap((line) => parsePolicy(`${line}\nquorum none\n`).logs))
}

async function versionOf (path: string): Promise<string> {
  try {
    const { ino, mtimeMs, size } = await stat(path)
    return `${ino} ${mtimeMs} ${size}`
  } catch (cause) {
    throw new LedgerError('CONFIG_INVALID', `${path} cannot be read`, { cause })
  }
}

function sentence<T> (where: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    throw new LedgerError('CONFIG_INVALID', `${where}: ${cause.message}`, { cause })
  }
}
