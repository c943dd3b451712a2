import { readFile } from 'node:fs/promises'
import { LedgerError } from '../../errors.ts'
import { FormatError } from '../../proof/format.ts'
import { COSIGNATURE, parseVerifierKey, type VerifierKey } from '../../proof/keys.ts'
import { parsePolicy, policyOf, type Policy } from '../../proof/policy.ts'
import type { Flag, Given } from '../command.ts'

export const TRUST_FLAGS: Record<string, Flag> = {
  policy: { value: 'FILE', help: 'Whom to trust: a C2SP tlog-policy' },
  key: { value: 'VKEY,…', help: 'Whom to trust, instead of a policy: keys of logs and witnesses' },
  witness: { value: 'VKEY,…', help: 'Keys of witnesses, if no policy has any', multiple: true },
  quorum: { value: 'N', help: 'How many of them must cosign; default each --witness' }
}

/**
 * Whom the user trusts; nobody is trusted because the evidence says so. Throws CONFIG_INVALID
 * if nothing is said, or what is said is not a policy or a key.
 */
export async function trustedBy ({ flags }: Given): Promise<Policy> {
  const { policy, key, witness = '', quorum } = flags
  if ((policy === undefined) === (key === undefined)) {
    throw new LedgerError('CONFIG_INVALID', 'say whom to trust, by --policy FILE or --key VKEY. ' +
      'A ledger publishes its keys at /.well-known/ledger-keys?origin=NAME/TENANT: compare them ' +
      'with what you were given by other ways, and keep them.')
  }
  try {
    return policy === undefined
      ? policyOfKeys(keysIn(key ?? ''), keysIn(witness), quorum)
      : withWitnesses(parsePolicy(await readFile(policy, 'utf8')), keysIn(witness), quorum)
  } catch (err) {
    if (!(err instanceof FormatError)) throw err
    throw new LedgerError('CONFIG_INVALID', err.message, { cause: err })
  }
}

function keysIn (texts: string): VerifierKey[] {
  return texts.split(',').filter((text) => text !== '').map((text) => parseVerifierKey(text.trim()))
}

/** A ledger's own policy knows no witness: they are added. One that says whom to ask is whole. */
function withWitnesses (
  policy: Policy, witnesses: readonly VerifierKey[], quorum: string | undefined
): Policy {
  if (witnesses.length === 0 && quorum === undefined) return policy
  if (policy.witnesses.length > 0) {
    throw new FormatError('--policy: it says which witnesses to ask, so --witness and --quorum ' +
      'cannot')
  }
  return { ...policyOfKeys([], witnesses, quorum), logs: policy.logs }
}

function policyOfKeys (
  keys: readonly VerifierKey[], witnesses: readonly VerifierKey[], quorum: string | undefined
): Policy {
  if (quorum !== undefined && !/^[0-9]{1,3}$/.test(quorum)) {
    throw new FormatError('--quorum: not a number')
  }
  const logs = keys.filter(({ type }) => type !== COSIGNATURE)
  const all = [...keys.filter(({ type }) => type === COSIGNATURE), ...witnesses]
  if (all.some(({ type }) => type !== COSIGNATURE)) {
    throw new FormatError('--witness: a key that is no witness\'s')
  }
  return policyOf(logs, all, Number(quorum ?? witnesses.length))
}
