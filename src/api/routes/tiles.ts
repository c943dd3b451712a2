import { Type } from '@sinclair/typebox'
import {
  lastHead, readLeaves, readTiles, type Leaf
} from '../../../projections/merkle/queries.ts'
import { NoQuery } from '../../../schemas/http/events.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import { TileParams } from '../../../schemas/http/proofs.ts'
import type { Recorded } from '../../../schemas/recorded.ts'
import { LedgerError } from '../../errors.ts'
import type { Log } from '../../ledger/log.ts'
import { firstOf } from '../../ledger/read.ts'
import { leafData, leafHash } from '../../proof/leaf.ts'
import { HASH_BYTES } from '../../proof/format.ts'
import { encodeEntries, parseTilePath, TILE_WIDTH, tileWidth } from '../../proof/tiles.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { pickEvents } from '../exports/leaf-pick.ts'
import { sendBody } from '../pages.ts'
import { placesOf, type StreamPlace } from '../place.ts'
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
    if (asked.level !== 'entries') return (await readTiles(tx, [{ level, index, width }]))[0]
    const leaves = await readLeaves(tx, first, first + BigInt(width))
    return { leaves, places: await placesOf(tx, leaves.map(({ position }) => position)) }
  })
  if (found === undefined) throw noTile()
  const rows = Buffer.isBuffer(found) ? found.length / HASH_BYTES : found.leaves.length
  if (rows !== width) {
    throw new LedgerError('CONTRADICTION', `rows of tile ${request.params['*']} are missing`)
  }
  const bytes = Buffer.isBuffer(found)
    ? found
    : encodeEntries(await leavesFromLog(services.log, found.leaves, found.places))
  reply.header('cache-control', CACHE)
  return await sendBody(reply, BYTES, bytes)
})

/**
 * The data of neighbouring leaves, each from its stream: what other tenants wrote in between is
 * not read. Throws LOG_REGRESSION if the log has other ones.
 */
async function leavesFromLog (
  log: Log, leaves: readonly Leaf[], places: readonly StreamPlace[]
): Promise<string[]> {
  const events = await pickEvents(log, places)
  const found: string[] = []
  for (const { position, hash } of leaves) {
    const event = events.get(position) ?? await eventAt(log, position)
    const leaf = event && leafData(event)
    if (leaf === undefined || !leafHash(leaf).equals(hash)) {
      throw new LedgerError('LOG_REGRESSION', 'the log has not the leaves that were projected')
    }
    found.push(leaf)
  }
  return found
}

/** An event of no row is a leaf as well; its prepare position is its commit position. */
async function eventAt (log: Log, position: bigint): Promise<Recorded | undefined> {
  return await firstOf(log.readAll({ from: { commit: position, prepare: position }, max: 1 }))
}

function noTile (): LedgerError {
  return new LedgerError('NOT_FOUND', 'There is no such tile, or not yet')
}
