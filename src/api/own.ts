import { LedgerError } from '../errors.ts'
import { tenantOf, type Caller } from './auth.ts'
import type { Services } from './services.ts'

/**
 * The ref of the user whom the caller's key is about. Throws FORBIDDEN for a key about nobody,
 * ERASED once there is nobody any more.
 */
export async function ownRef (
  { vault }: Pick<Services, 'vault'>, caller: Caller
): Promise<string> {
  const { subjectRef } = caller
  if (subjectRef === undefined) throw new LedgerError('FORBIDDEN', 'The key is about no user')
  const keys = await vault.keys(tenantOf(caller), [subjectRef])
  if (!keys.has(subjectRef)) throw new LedgerError('ERASED', 'The user of this key was erased')
  return subjectRef
}
