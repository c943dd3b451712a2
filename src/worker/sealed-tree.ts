import { frontierAt, lastHead } from '../../projections/merkle/queries.ts'
import { headOf } from '../../projections/merkle/head.ts'
import { CHECKPOINT_ENTITY } from '../../schemas/checkpoint.ts'
import { LedgerError } from '../errors.ts'
import { decode } from '../ledger/codec.ts'
import type { Log, LogPosition } from '../ledger/log.ts'
import { firstOf } from '../ledger/read.ts'
import { streamName } from '../ledger/streams.ts'
import type { Pool } from '../postgres/pool.ts'
import { inTenant, type Tx } from '../postgres/transaction.ts'
import { parseSignedCheckpoint } from '../proof/checkpoint.ts'
import { EMPTY_FRONTIER, frontierRoot, type Frontier } from '../proof/merkle.ts'
import { publicKeyOf, type Signer } from '../proof/keys.ts'
import { verifyNote } from '../proof/note.ts'
import { epochOf, originOfEpoch } from './epoch.ts'
import { Inconsistency } from './inconsistency.ts'
import type { LogSigners } from './sealing-key.ts'

/** The last checkpoint of a tenant, as the log has it. */
export interface LastHead {
  size: bigint
  root: Buffer
  revision: bigint
  /** Up to where the log was read for it. */
  through: LogPosition
  /** Milliseconds since 1970. */
  sealedAt: number
  /** Public keys of our signatures on it, base64. */
  keys: readonly string[]
  /** The signed note. */
  note: string
  /** Whose it is: another one than the tree's if that is in a new epoch. */
  origin: string
}

/** A tenant's tree as far as the sealer has read it from the log. */
export interface SealedTree {
  tenant: string
  /** `<ledger name>/<tenant>`, and from the second epoch on its number. */
  origin: string
  frontier: Frontier
  head: LastHead | undefined
}

/** What the sealer reads and trusts. */
export interface TreeSource {
  pool: Pool
  log: Log
  /** The ledger's name. */
  name: string
  signers: (origin: string) => Promise<LogSigners>
}

/** The stream that a tenant's checkpoints are in. */
export function checkpointStream (tenant: string): string {
  const { type, id } = CHECKPOINT_ENTITY
  return streamName({ tenant, type, key: id })
}

/** Whether the tree is in a later epoch than its last checkpoint. */
export function isOfEarlierEpoch ({ origin, head }: SealedTree): boolean {
  return head !== undefined && head.origin !== origin
}

/** Whether that key is among those that signed the checkpoint. */
export function isSignedBy ({ keys }: LastHead, { key }: Signer): boolean {
  return keys.includes(publicKeyOf(key))
}

/** Reads as the tenant, from the live read models. */
export async function readAs<T> (
  pool: Pool, tenant: string, work: (tx: Tx) => Promise<T>
): Promise<T> {
  return await inTenant(pool, tenant, async (tx) => {
    const [, result] = await Promise.all([
      tx.query("select set_config('search_path', 'read', true)"), work(tx)
    ])
    return result
  })
}

/**
 * A tenant's tree at its last signed checkpoint, which is looked for in the log and checked
 * against our keys; the rows must lead to its root. Throws Inconsistency if anything differs,
 * LAGGING while the rows do not reach so far.
 */
export async function loadTree (
  source: TreeSource, tenant: string, projected: LogPosition
): Promise<SealedTree> {
  const { pool, name } = source
  const origins = originsOf(name, tenant, await epochOf(source.log, tenant))
  const [origin] = origins
  const head = await readHead(source, tenant, origins)
  const known = await readAs(pool, tenant, lastHead)
  if (known !== undefined && (head === undefined || known.size > head.size)) {
    throw new Inconsistency(tenant, 'stale',
      `the log has lost the checkpoint of ${known.size} leaves, which readers have seen`)
  }
  if (head === undefined) return { tenant, origin, frontier: EMPTY_FRONTIER, head }
  if (projected.commit < head.through.commit) {
    throw new LedgerError('LAGGING', 'the rows do not reach the last checkpoint yet')
  }
  const nodes = await readAs(pool, tenant, async (tx) => await frontierAt(tx, head.size))
  if (nodes === undefined) {
    throw new Inconsistency(tenant, 'missing',
      `there are fewer rows of leaves than the ${head.size} that were signed`)
  }
  const frontier = { size: head.size, nodes }
  if (!frontierRoot(frontier).equals(head.root)) {
    throw new Inconsistency(tenant, 'tampered',
      `the rows of the first ${head.size} leaves are not those that were signed`)
  }
  return { tenant, origin, frontier, head }
}

/** The tree's present origin, and those that it had before. */
function originsOf (name: string, tenant: string, epoch: bigint): [string, ...string[]] {
  const earlier = Array.from({ length: Number(epoch) - 1 }, (_, at) =>
    originOfEpoch(name, tenant, BigInt(at + 1)))
  return [originOfEpoch(name, tenant, epoch), ...earlier]
}

async function readHead (
  { log, signers }: TreeSource, tenant: string, [origin, ...earlier]: [string, ...string[]]
): Promise<LastHead | undefined> {
  const stream = checkpointStream(tenant)
  const last = await firstOf(log.readStream(stream, { from: 'end', direction: 'backward', max: 1 }))
  if (last === undefined) return undefined
  const decoded = decode(last)
  const head = decoded.ok ? headOf(decoded.event) : { refused: decoded.reason }
  if ('refused' in head) {
    throw new Inconsistency(tenant, 'malformed', `the last checkpoint of the log: ${head.refused}`)
  }
  const { note, checkpoint } = parseSignedCheckpoint(head.note)
  const found = {
    size: head.size,
    root: head.root,
    revision: last.revision,
    through: head.through,
    sealedAt: Date.parse(head.event.data.recordedAt),
    note: head.note,
    origin: checkpoint.origin
  }
  // Who began another epoch has accepted it as it is, and may have lost its key.
  if (earlier.includes(checkpoint.origin)) return { ...found, keys: [] }
  const { current, previous } = await signers(origin)
  const keys = [current.key, ...(previous === undefined ? [] : [previous.key])]
  const { verified, failed } = verifyNote(note, keys)
  if (failed.length > 0 || verified.length === 0 || checkpoint.origin !== origin) {
    throw new Inconsistency(tenant, failed.length > 0 ? 'bad-signature' : 'wrong-key',
      `the checkpoint of ${head.size} leaves is not signed by our key for ${origin}`)
  }
  return { ...found, keys: verified.map(({ key }) => publicKeyOf(key)) }
}
