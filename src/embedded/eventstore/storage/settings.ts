/** A stream's metadata, as its `$$` stream holds it, and what it hides from readers. */
import { INT64_MAX } from '../wire/protobuf.ts'

/** The roles that may do each thing; what is absent falls back to the default. */
export interface Acl {
  readonly read?: readonly string[]
  readonly write?: readonly string[]
  readonly delete?: readonly string[]
  readonly metaRead?: readonly string[]
  readonly metaWrite?: readonly string[]
}

/** What the node understands of the metadata; `raw` keeps all of it. */
export interface Settings {
  readonly maxAgeMs?: number
  readonly maxCount?: number
  readonly truncateBefore?: number
  readonly acl?: Acl
  readonly raw: Readonly<Record<string, unknown>>
}

export const METADATA_TYPE = '$metadata'
const NONE: Settings = { raw: {} }

/** The name of the stream that holds a stream's metadata. */
export const metastreamOf = (stream: string): string => `$$${stream}`

/** Whether a stream holds the metadata of another. */
export const isMetastream = (stream: string): boolean => stream.startsWith('$$')

/** The stream whose metadata a metastream holds. */
export const originalOf = (metastream: string): string => metastream.slice(2)

/** Reads metadata from an event's data. What is no JSON object, or of a wrong type, is none. */
export function parseSettings (data: Buffer): Settings {
  let raw: unknown
  try {
    raw = JSON.parse(data.toString())
  } catch {
    return NONE
  }
  if (!isRecord(raw)) return NONE
  const maxAge = positiveInteger(raw['$maxAge'])
  const maxCount = positiveInteger(raw['$maxCount'])
  const truncateBefore = positiveInteger(raw['$tb'])
  return {
    ...(maxAge === undefined ? {} : { maxAgeMs: maxAge * 1000 }),
    ...(maxCount === undefined ? {} : { maxCount }),
    ...(truncateBefore === undefined ? {} : { truncateBefore }),
    ...(isRecord(raw['$acl']) ? { acl: parseAcl(raw['$acl']) } : {}),
    raw
  }
}

/** Whether the stream counts as deleted until the next append. */
export function isSoftDeleted (settings: Settings | undefined): boolean {
  return settings?.truncateBefore !== undefined && settings.truncateBefore >= INT64_MAX
}

/** The metadata with another `$tb`, as JSON; `INT64_MAX` means soft deleted. */
export function withTruncateBefore (settings: Settings | undefined, revision: number): Buffer {
  const { $tb: _, ...rest } = settings?.raw ?? {}
  const tb = revision >= INT64_MAX ? '9223372036854775807' : String(revision)
  const others = Object.entries(rest).map(([key, value]) =>
    `${JSON.stringify(key)}:${JSON.stringify(value)}`)
  return Buffer.from(`{${[...others, `"$tb":${tb}`].join(',')}}`)
}

/** The first revision that a reader may see. */
export function firstVisible (
  stream: string, settings: Settings | undefined, last: number
): number {
  const maxCount = settings?.maxCount ?? (isMetastream(stream) ? 1 : Infinity)
  return Math.max(0, settings?.truncateBefore ?? 0, last - maxCount + 1)
}

function parseAcl (acl: Record<string, unknown>): Acl {
  const roles = (key: string) => {
    const value = acl[key]
    if (typeof value === 'string') return [value]
    return Array.isArray(value) ? value.filter((role) => typeof role === 'string') : undefined
  }
  const entries = Object.entries({
    read: roles('$r'),
    write: roles('$w'),
    delete: roles('$d'),
    metaRead: roles('$mr'),
    metaWrite: roles('$mw')
  })
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined))
}

function positiveInteger (value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : undefined
}

function isRecord (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
