import type { FastifyRequest } from 'fastify'
import type { Role } from '../../schemas/http/api-keys.ts'
import { LedgerError } from '../errors.ts'
import { parseApiKey, sameHash } from './api-key.ts'
import type { KeyRecord } from './key-store.ts'
import { createRecent } from './recent.ts'

/** Who asks: always from the credential, never from the request. */
export interface Caller {
  keyId: string
  /** undefined: a key of the server, which sees no tenant's events. */
  tenant: string | undefined
  /** The key's name: the source of what it appends. */
  name: string
  roles: readonly Role[]
  /** The random ref of the user whom a `self` key may read. */
  subjectRef: string | undefined
}

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller | null
  }
  interface FastifyContextConfig {
    /** Who may call the route; absent: anybody, without a credential. */
    roles?: readonly Role[]
  }
}

const TOUCH_EVERY_MS = 60_000
const TOUCHES_MAX = 10_000

export interface KeySource {
  find (id: string): Promise<KeyRecord | undefined>
  touch (id: string): Promise<void>
}

export interface Authenticator {
  /** The caller of a valid credential; throws UNAUTHENTICATED, or DATABASE_UNAVAILABLE. */
  authenticate (authorization: string | undefined): Promise<Caller>
  /** Forgets what it knows of a key: a change made here is seen here at once. */
  forget (id: string): void
}

/**
 * Checks API keys against what the database said within five seconds (recent.ts): so long at the
 * most, a revoked key still works in other processes than the one that revoked it.
 */
export function createAuthenticator (source: KeySource, now: () => number): Authenticator {
  const keys = createRecent(async (id) => await source.find(id), now)
  const touched = new Map<string, number>()

  const touch = (id: string): void => {
    if (now() - (touched.get(id) ?? -Infinity) < TOUCH_EVERY_MS) return
    if (touched.size >= TOUCHES_MAX) touched.clear()
    touched.set(id, now())
    // Nobody waits for it, and the next minute tries again.
    source.touch(id).catch(() => {})
  }

  return {
    async authenticate (authorization) {
      const given = parseApiKey(bearer(authorization))
      if (given === undefined) throw unauthenticated('No well-formed API key was sent')
      const key = await keys.get(given.id)
      if (key === undefined || !sameHash(key.secretHash, given.hash)) {
        throw unauthenticated('The API key is not known')
      }
      if (key.revokedAt !== null) throw unauthenticated('The API key was revoked')
      if (key.expiresAt !== null && key.expiresAt.getTime() <= now()) {
        throw unauthenticated('The API key has expired')
      }
      touch(key.id)
      return callerOfKey(key)
    },
    forget (id) { keys.forget(id) }
  }
}

/** The caller that the hook put on a request of the protected scope. */
export function callerOf (request: FastifyRequest): Caller {
  if (request.caller === null) throw new LedgerError('INTERNAL', 'a route without authentication')
  return request.caller
}

/** The caller's tenant. Throws FORBIDDEN for a key of the server: it has none. */
export function tenantOf (caller: Caller): string {
  if (caller.tenant === undefined) {
    throw new LedgerError('FORBIDDEN', 'A key of the server reads and writes no tenant\'s events')
  }
  return caller.tenant
}

/** Throws FORBIDDEN unless the caller has one of the roles. */
export function requireRole (caller: Caller, roles: readonly Role[]): void {
  if (caller.roles.some((role) => roles.includes(role))) return
  throw new LedgerError('FORBIDDEN', `This needs the role ${roles.join(' or ')}`)
}

function callerOfKey (key: KeyRecord): Caller {
  return {
    keyId: key.id,
    tenant: key.tenant ?? undefined,
    name: key.name,
    roles: key.roles,
    subjectRef: key.subjectRef ?? undefined
  }
}

/** RFC 6750 section 2.1; the scheme's case does not matter. */
function bearer (authorization = ''): string {
  return /^bearer ([\x21-\x7e]{1,256})$/i.exec(authorization)?.[1] ?? ''
}

function unauthenticated (message: string): LedgerError {
  return new LedgerError('UNAUTHENTICATED', message)
}
