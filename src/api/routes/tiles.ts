import { Type } from '@sinclair/typebox'
import {
  lastHead, readLeaves, readTiles, type Leaf
} from '../../../projections/merkle/queries.ts'
import { NoQuery } from '../../../schemas/http/events.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import { TileParams } from '../../../schemas/http/proofs.ts'
import { LedgerError } from '../../errors.ts'
import { leafData, leafHash } from '../../proof/leaf.ts'
import { HASH_BYTES } from '../../proof/format.ts'
import { encodeEntries, parseTilePath, TILE_WIDTH, tileWidth } from '../../proof/tiles.ts'
import { callerOf, tenantOf } from '../auth.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { sendBody } from '../pages.ts'
import { placeAt } from '../place.ts'
import { readTenant } from '../reading.ts'
import type { Services } from '../services.ts'

/** A tile never changes; it is the tenant's, so that no shared cache may keep it. */
const CACHE = 'private, max-age=31536000, immutable'
const BYTES = 'application/octet-stream'

/** A tile of the tree, or a bundle of its leaf data. */
export const tile = (services: Services): Endpoint => endpoint({
  summary: 'Read a tile of the Merkle tree',
  description: 'C2SP tlog-tiles: `<level>/<index>[.p/<width>]`, `entries/<index>[.p/<width>]`, ' +
    'as far as the last signed checkpoint goes.',
  operationId: 'readTile',
  tags: ['integrity'],
  params: TileParams,
  querystring: NoQuery,
  headers: AtLeast,
  response: { 200: { content: { [BYTES]: { schema: Type.String() } } } }
}, async (request, reply) => {
  const asked = parseTilePath(`tile/${request.params['*']}`)
  if (asked === undefined) throw noTile()
  const { index, width } = asked
  const level = asked.level === 'entries' ? 0 : asked.level
  const found = await readTenant(services, request, reply, async (tx) => {
    const size = (await lastHead(tx))?.size ?? 0n
    if (tileWidth(level, index, size) < width) throw noTile()
    const first = index * BigInt(TILE_WIDTH)
    return asked.level === 'entries'
      ? await readLeaves(tx, first, first + BigInt(width))
      : (await readTiles(tx, [{ level, index, width }]))[0]
  })
  if (found === undefined) throw noTile()
  if (found.length !== (Array.isArray(found) ? width : width * HASH_BYTES)) {
    throw new LedgerError('CONTRADICTION', `rows of tile ${request.params['*']} are missing`)
  }
  const bytes = Array.isArray(found)
    ? encodeEntries(await leavesFromLog(services, tenantOf(callerOf(request)), found))
    : found
  reply.header('cache-control', CACHE)
  return await sendBody(reply, BYTES, bytes)
})

/** The data of neighbouring leaves. Throws LOG_REGRESSION if the log has other ones. */
async function leavesFromLog (
  { log, pool }: Services, tenant: string, leaves: readonly Leaf[]
): Promise<string[]> {
  const [first, last] = [leaves[0], leaves.at(-1)]
  if (first === undefined || last === undefined) return []
  const wanted = new Map(leaves.map(({ position, hash }) => [position, hash]))
  // An event of no rows is a leaf as well; its prepare position is its commit position.
  const from = await placeAt(pool, tenant, first.position) ??
    { commit: first.position, prepare: first.position }
  const found: string[] = []
  for await (const event of log.readAll({ from })) {
    if (event.position > last.position) break
    const hash = wanted.get(event.position)
    if (hash === undefined) continue
    const leaf = leafData(event)
    if (!leafHash(leaf).equals(hash)) break
    found.push(leaf)
  }
  if (found.length === leaves.length) return found
  throw new LedgerError('LOG_REGRESSION', 'the log has not the leaves that were projected')
}

function noTile (): LedgerError {
  return new LedgerError('NOT_FOUND', 'There is no such tile, or not yet')
}
