/** Who may do what to a stream: its `$acl`, or the defaults of the real server. */
import { isMetastream, originalOf, type Acl } from '../storage/settings.ts'
import type { StreamIndex } from '../storage/stream-index.ts'

/** A caller with its roles. Everybody has the role `$all`. */
export interface Identity {
  readonly name: string
  readonly roles: readonly string[]
}

/** What a call does to a stream. */
export type Action = 'read' | 'write' | 'delete'

const ADMINS = '$admins'
const EVERYBODY = '$all'

/** The caller of a node that asks nobody for a password. */
export const ADMIN: Identity = { name: 'admin', roles: [ADMINS] }

/** The caller that named no credentials where they are asked for. */
export const ANONYMOUS: Identity = { name: '', roles: [] }

/** Whether the caller may do this to the stream; `$all` is a stream for administrators. */
export function isAllowed (
  index: StreamIndex, identity: Identity, action: Action, stream: string
): boolean {
  if (identity.roles.includes(ADMINS)) return true
  if (identity === ANONYMOUS) return false
  const roles = rolesFor(index, action, stream)
  return roles.includes(EVERYBODY) || roles.includes(identity.name) ||
    identity.roles.some((role) => roles.includes(role))
}

function rolesFor (index: StreamIndex, action: Action, stream: string): readonly string[] {
  const meta = isMetastream(stream)
  const original = meta ? originalOf(stream) : stream
  const acl = index.get(original)?.settings?.acl ?? {}
  return acl[aclKey(action, meta)] ?? (original.startsWith('$') ? [ADMINS] : [EVERYBODY])
}

function aclKey (action: Action, meta: boolean): keyof Acl {
  if (!meta) return action
  return action === 'read' ? 'metaRead' : 'metaWrite'
}
