import type { RecordedData } from '../../schemas/recorded.ts'

/** What a stream's name says: whose history it is. */
export interface StreamKey {
  tenant: string
  /** The entity's type; `user`, `service`, `agent` or `source` for events without an entity. */
  type: string
  /** The entity's id; a person's ref. */
  key: string
}

/**
 * The stream of an entity: `<tenant>.<type>-<key>`. EventStoreDB splits names at the first `-`
 * (`$ce-<tenant>.<type>`), so inside tenant and type it is written `~`. Letters, digits and
 * `_ . -` stand for themselves, in the tenant without `.`; everything else is percent-encoded
 * UTF-8, which leaves ASCII: names travel in HTTP headers. Pure and reversible, see parseStream.
 * Throws URIError for a lone surrogate, which the door has refused before.
 */
export function streamName ({ tenant, type, key }: StreamKey): string {
  return `${encodeTenant(tenant)}.${encodeType(type)}-${encode(key)}`
}

/** Whose history a stream is, undefined for a name that streamName does not make. */
export function parseStream (name: string): StreamKey | undefined {
  const [, tenant, type, key] = NAME.exec(name) ?? []
  if (tenant === undefined || type === undefined || key === undefined) return undefined
  try {
    const parsed = { tenant: decodeType(tenant), type: decodeType(type), key: decode(key) }
    // One entity, one stream: another spelling of the same name is not ours.
    return streamName(parsed) === name ? parsed : undefined
  } catch {
    return undefined
  }
}

/** How the names of all streams of a tenant begin. */
export function tenantPrefix (tenant: string): string {
  return encodeTenant(tenant) + '.'
}

/** The stream that a record belongs to: its entity's, else its actor's, else its source's. */
export function streamOf (
  { tenant, entity, actor, source }: Pick<RecordedData, 'tenant' | 'entity' | 'actor' | 'source'>
): string {
  const entityKey = entity?.ref ?? entity?.id
  if (entity && entityKey !== undefined) {
    return streamName({ tenant, type: entity.type, key: entityKey })
  }
  const actorKey = actor.ref ?? actor.id
  return ACTORS_WITH_STREAM.has(actor.type) && actorKey !== undefined
    ? streamName({ tenant, type: actor.type, key: actorKey })
    : streamName({ tenant, type: 'source', key: source })
}

const ACTORS_WITH_STREAM: ReadonlySet<string> = new Set(['user', 'service', 'agent'])
const NAME = /^([^.-]+)\.([^-]+)-(.+)$/
const UNSAFE = /[^A-Za-z0-9_.-]/gu

function encode (text: string): string {
  // encodeURIComponent leaves !~*'() alone.
  return text.replace(UNSAFE, (character) => character < '\x80'
    ? '%' + character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')
    : encodeURIComponent(character))
}

function encodeType (text: string): string {
  return encode(text).replaceAll('-', '~')
}

function encodeTenant (text: string): string {
  return encodeType(text).replaceAll('.', '%2E')
}

function decode (text: string): string {
  return text.includes('%') ? decodeURIComponent(text) : text
}

function decodeType (text: string): string {
  return decode(text.replaceAll('~', '-'))
}
