import { readFile } from 'node:fs/promises'
import { LedgerError } from '../errors.ts'
import { parsePolicy, type Policy } from '../proof/policy.ts'

/**
 * Whom the worker asks to cosign, from the file of a C2SP tlog-policy; undefined without a file.
 * Throws CONFIG_INVALID for one that cannot be read, is no policy, or names no witness with a URL.
 */
export async function witnessPolicy (file: string | undefined): Promise<Policy | undefined> {
  if (file === undefined) return undefined
  try {
    const policy = parsePolicy(await readFile(file, 'utf8'))
    if (policy.witnesses.some(({ url }) => url !== undefined)) return policy
    throw new Error('no witness has a URL')
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause)
    throw new LedgerError('CONFIG_INVALID', `WITNESSES_FILE ${file}: ${said}`, { cause })
  }
}
