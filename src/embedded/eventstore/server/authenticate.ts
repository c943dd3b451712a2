/** Who calls: Basic credentials against the users that the node was started with. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http2'
import { ADMIN, ANONYMOUS, type Identity } from '../engine/access.ts'

/** A user. `admin` and `ops` have the groups that the real server gives them. */
export interface User {
  readonly name: string
  readonly password: string
}

const GROUPS: Readonly<Record<string, readonly string[]>> = { admin: ['$admins'], ops: ['$ops'] }

/**
 * Finds the caller of a request. Without users everybody is the administrator, as on a real server
 * that runs insecurely. Nothing means that the credentials are wrong.
 */
export function createAuthenticate (
  users: readonly User[]
): (headers: IncomingHttpHeaders) => Identity | undefined {
  const known = new Map(users.map(({ name, password }) => [name, {
    digest: digest(password),
    identity: { name, roles: GROUPS[name] ?? [] }
  }]))
  return ({ authorization }) => {
    if (known.size === 0) return ADMIN
    if (authorization === undefined) return ANONYMOUS
    const [scheme, encoded = ''] = authorization.split(' ')
    if (scheme?.toLowerCase() !== 'basic') return undefined
    const credentials = Buffer.from(encoded, 'base64').toString()
    const colon = credentials.indexOf(':')
    const user = known.get(credentials.slice(0, colon))
    // An unknown name costs the same time as a wrong password.
    const matches = timingSafeEqual(digest(credentials.slice(colon + 1)), user?.digest ?? NOBODY)
    return matches && colon >= 0 ? user?.identity : undefined
  }
}

const digest = (password: string): Buffer => createHash('sha256').update(password).digest()
const NOBODY = Buffer.alloc(32)
