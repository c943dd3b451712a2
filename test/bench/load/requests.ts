import { randomBytes } from 'node:crypto'
import { seededRandom } from '../../../src/sample/random.ts'
import { eventSeries, pickTenant, PLACEHOLDER_ID } from '../generator.ts'

/** Requests that append events of the seeded series. */
export interface Appends {
  readonly kind: 'appends'
  readonly seed: number
  /** Events of one request; 1 is sent as an object, more as an array. */
  readonly batch: number
  /** Header lines of each tenant's credential, in the order of TENANTS. */
  readonly credentials: readonly string[]
}

/** The same few GET requests over and over. */
export interface Gets {
  readonly kind: 'gets'
  readonly credential: string
  readonly paths: readonly string[]
}

export type Source = Appends | Gets

/** Distinct events kept ready; after them the series begins again, with other ids. */
const POOL_EVENTS = 20_000
const ID_LENGTH = PLACEHOLDER_ID.length
const COUNTER_DIGITS = 12

/** Ids of this process: random in front, so that a second run on the same data repeats none. */
const RUN = randomBytes(6).toString('hex')
const ID_START = `${RUN.slice(0, 8)}-${RUN.slice(8)}-8000-a000-`
let counter = 0

/** A fresh UUID, greater than those before it as version 7 ones are. */
export function nextId (): string {
  return ID_START + (counter++).toString(16).padStart(COUNTER_DIGITS, '0')
}

interface Prepared { readonly bytes: Buffer, readonly idsAt: readonly number[] }

/** The next request at each call, serialised long before; only its ids are written anew. */
export function prepareRequests (source: Source): () => Buffer {
  const pool = source.kind === 'appends' ? appendPool(source) : getPool(source)
  let index = 0
  return () => {
    const { bytes, idsAt } = pool[index++ % pool.length] ?? { bytes: Buffer.alloc(0), idsAt: [] }
    for (const at of idsAt) bytes.write(nextId(), at, ID_LENGTH, 'latin1')
    return bytes
  }
}

function getPool ({ credential, paths }: Gets): Prepared[] {
  return paths.map((path) => ({ bytes: getRequest(path, credential), idsAt: [] }))
}

/** A GET as bytes; the credential is whole header lines. */
export function getRequest (path: string, credential: string): Buffer {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${credential}\r\n`)
}

/** A POST of a JSON text to the ingest route as bytes. */
export function appendRequest (json: string, credential: string): Buffer {
  return Buffer.from(`POST /v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\n${credential}` +
    `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(json)}\r\n\r\n${json}`)
}

const pools = new Map<string, Prepared[]>()

/** Kept between jobs: the rounds of a scenario send the same requests to the same system. */
function appendPool (source: Appends): Prepared[] {
  const key = JSON.stringify(source)
  const pool = pools.get(key) ?? buildPool(source)
  pools.set(key, pool)
  return pool
}

function buildPool ({ seed, batch, credentials }: Appends): Prepared[] {
  const next = eventSeries(seed)
  const random = seededRandom(seed + 1)
  return Array.from({ length: Math.ceil(POOL_EVENTS / batch) }, () => {
    const tenant = pickTenant(random)
    const events = Array.from({ length: batch }, next)
    const json = JSON.stringify(batch === 1 ? events[0] : events)
    const bytes = appendRequest(json, credentials[tenant] ?? '')
    return { bytes, idsAt: placesOf(bytes) }
  })
}

function placesOf (bytes: Buffer): number[] {
  const places: number[] = []
  for (let at = bytes.indexOf(PLACEHOLDER_ID); at >= 0;) {
    places.push(at)
    at = bytes.indexOf(PLACEHOLDER_ID, at + ID_LENGTH)
  }
  return places
}
