import type { FastifyRequest } from 'fastify'
import type { Role } from '../../schemas/http/api-keys.ts'
import { LedgerError } from '../errors.ts'
import { parseApiKey, sameHash } from './api-key.ts'
import type { KeyRecord } from './key-store.ts'

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

/** A revoked key is refused everywhere after so long at the latest. */
export const KEY_CACHE_MS = 5_000
/** While the database cannot be reached, what it said last stands so long. */
export const KEY_STALE_MS = 60_000
const KEYS_CACHED_MAX = 10_000
const TOUCH_EVERY_MS = 60_000

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

interface Cached {
  key: KeyRecord | undefined
  at: number
  touchedAt: number
}

/** Checks API keys against the database, asking at most once in five seconds for each. */
export function createAuthenticator (source: KeySource, now: () => number): Authenticator {
  const cache = new Map<string, Cached>()
  /** Look-ups under way: a busy key asks once, however many requests wait for it. */
  const loading = new Map<string, Promise<Cached>>()

  const load = async (id: string, known: Cached | undefined): Promise<Cached> => {
    try {
      const key = await source.find(id)
      const entry = { key, at: now(), touchedAt: known?.touchedAt ?? -Infinity }
      cache.delete(id)
      cache.set(id, entry)
      const [oldest] = cache.keys()
      if (cache.size > KEYS_CACHED_MAX && oldest !== undefined) cache.delete(oldest)
      return entry
    } catch (cause) {
      if (known !== undefined && now() - known.at < KEY_STALE_MS) return known
      throw new LedgerError('DATABASE_UNAVAILABLE', 'keys cannot be checked', {
        cause, retryAfterS: 1
      })
    }
  }

  const look = async (id: string): Promise<Cached> => {
    const known = cache.get(id)
    if (known !== undefined && now() - known.at < KEY_CACHE_MS) return known
    const under = loading.get(id)
    if (under !== undefined) return await under
    const started = load(id, known).finally(() => { loading.delete(id) })
    loading.set(id, started)
    return await started
  }

  return {
    async authenticate (authorization) {
      const given = parseApiKey(bearer(authorization))
      if (given === undefined) throw unauthenticated('No well-formed API key was sent')
      const entry = await look(given.id)
      const { key } = entry
      if (key === undefined || !sameHash(key.secretHash, given.hash)) {
        throw unauthenticated('The API key is not known')
      }
      if (key.revokedAt !== null) throw unauthenticated('The API key was revoked')
      if (key.expiresAt !== null && key.expiresAt.getTime() <= now()) {
        throw unauthenticated('The API key has expired')
      }
      if (now() - entry.touchedAt >= TOUCH_EVERY_MS) {
        entry.touchedAt = now()
        source.touch(key.id).catch(() => {})
      }
      return callerOfKey(key)
    },
    forget (id) { cache.delete(id) }
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
