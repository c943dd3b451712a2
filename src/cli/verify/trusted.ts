import { readFile } from 'node:fs/promises'
import { LedgerError } from '../../errors.ts'
import { FormatError } from '../../proof/format.ts'
import { COSIGNATURE, parseVerifierKey } from '../../proof/keys.ts'
import { parsePolicy, policyOf, type Policy } from '../../proof/policy.ts'
import type { Flag, Given } from '../command.ts'

export const TRUST_FLAGS: Record<string, Flag> = {
  policy: { value: 'FILE', help: 'Whom to trust: a C2SP tlog-policy' },
  key: { value: 'VKEY,…', help: 'Whom to trust, instead of a policy: keys of logs and witnesses' },
  quorum: { value: 'N', help: 'With --key: how many witnesses must have cosigned (default 0)' }
}

/**
 * Whom the user trusts; nobody is trusted because the evidence says so. Throws CONFIG_INVALID
 * if nothing is said, or what is said is not a policy or a key.
 */
export async function trustedBy ({ flags }: Given): Promise<Policy> {
  const { policy, key, quorum = '0' } = flags
  if ((policy === undefined) === (key === undefined)) {
    throw new LedgerError('CONFIG_INVALID', 'say whom to trust, by --policy FILE or --key VKEY. ' +
      'A ledger publishes its keys at /.well-known/ledger-keys?origin=NAME/TENANT: compare them ' +
      'with what you were given by other ways, and keep them.')
  }
  try {
    return policy === undefined
      ? policyOfKeys(key ?? '', quorum)
      : parsePolicy(await readFile(policy, 'utf8'))
  } catch (err) {
    if (!(err instanceof FormatError)) throw err
    throw new LedgerError('CONFIG_INVALID', err.message, { cause: err })
  }
}

function policyOfKeys (texts: string, quorum: string): Policy {
  const keys = texts.split(',').map((text) => parseVerifierKey(text.trim()))
  if (!/^[0-9]{1,3}$/.test(quorum)) throw new FormatError('--quorum: not a number')
  const witnesses = keys.filter(({ type }) => type === COSIGNATURE)
  return policyOf(keys.filter(({ type }) => type !== COSIGNATURE), witnesses, Number(quorum))
}
