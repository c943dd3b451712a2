import { isCosigned } from '../../projections/cosignatures/projection.ts'
import { readLeaves } from '../../projections/merkle/queries.ts'
import { grouped, tenantOf } from '../../projections/keys.ts'
import { CHECKPOINT_ACTION } from '../../schemas/checkpoint.ts'
import type { DecodedEvent } from '../../schemas/recorded.ts'
import { LedgerError } from '../errors.ts'
import type { LogPosition } from '../ledger/log.ts'
import { append } from '../proof/merkle.ts'
import { compareCheckpoints } from './checkpoint.ts'
import type { Fault } from './fault.ts'
import { Inconsistency } from './inconsistency.ts'
import { readBatches } from './read-batches.ts'
import { seal } from './seal.ts'
import {
  isOfEarlierEpoch, isSignedBy, loadTree, readAs, type LastHead, type SealedTree, type TreeSource
} from './sealed-tree.ts'

export interface SessionOptions extends TreeSource {
  now: () => number
  newId: () => string
  /** A tree without new leaves is signed again after so long. */
  idleMs: number
  fault: Fault
  signal: AbortSignal
  /** Told what is wrong with a tree, which is left alone from then on. */
  refuse: (found: Inconsistency) => Promise<void>
  isRefused: (tenant: string) => boolean
  /** Told of each tree's last checkpoint: that which is found, and each that is signed. */
  onHead?: ((tenant: string, head: LastHead) => void) | undefined
}

/** Trees that are signed at once. */
const TOGETHER_MAX = 4

/**
 * What the sealer knows between two failures: every tree at its last checkpoint, and how far it
 * has read the log since. Whatever goes wrong, a new session begins from the log.
 */
export class SealSession {
  readonly #options: SessionOptions
  readonly #trees = new Map<string, SealedTree>()
  /** The last event read; undefined: read from the start. */
  #at: LogPosition | undefined

  constructor (options: SessionOptions) {
    this.#options = options
  }

  /** Finds every tree's last checkpoint, and from where the log has to be read. */
  async begin (projected: LogPosition): Promise<void> {
    const { rows } = await this.#options.pool.query<{ tenant: string }>(
      'select tenant from read.merkle_tree')
    for (const { tenant } of rows) await this.#tree(tenant, projected)
    const heads = [...this.#trees.values()].map(({ head }) => head)
    const places = heads.flatMap((head) => head === undefined ? [] : [head.through])
    // A tree without a checkpoint may begin anywhere.
    if (places.length === heads.length) [this.#at] = places.sort(compareCheckpoints)
  }

  /**
   * Reads what is new up to that position, compares, and signs what has grown or is old. Whether
   * there was any.
   */
  async round (projected: LogPosition): Promise<boolean> {
    const { fault, isRefused } = this.#options
    const grown = await this.#read(projected)
    await fault('read')
    const isOld = await this.#ageing()
    const due = [...this.#trees.values()].filter((tree) =>
      !isRefused(tree.tenant) && (grown.has(tree.tenant) || isOld(tree)))
    // A few at a time: each waits for the database and then for the log's disk.
    const seals = due.values()
    await settled(Array.from({ length: TOGETHER_MAX }, async () => {
      for (const tree of seals) await this.#seal(tree)
    }))
    return due.length > 0
  }

  /** Which trees are to be signed again: after an hour without news, and by a new key. */
  async #ageing (): Promise<(tree: SealedTree) => boolean> {
    const { now, idleMs, signers, name } = this.#options
    const { current } = await signers(name)
    return (tree) => tree.head !== undefined && (now() - tree.head.sealedAt >= idleMs ||
      !isSignedBy(tree.head, current) || isOfEarlierEpoch(tree))
  }

  async #read (until: LogPosition): Promise<Set<string>> {
    const { log, signal } = this.#options
    const grown = new Set<string>()
    for await (const items of readBatches(log, { after: this.#at, until, signal })) {
      const events = items.flatMap((item) => 'event' in item ? [item.event] : [])
      for (const [tenant, own] of grouped(events, tenantOf)) {
        const tree = await this.#tree(tenant, until)
        if (tree !== undefined && await this.#take(tree, own)) grown.add(tenant)
      }
      const last = items.at(-1)?.recorded
      if (last !== undefined) this.#at = { commit: last.position, prepare: last.prepare }
    }
    return grown
  }

  /** Appends a tenant's events to its tree; whether there were leaves among them. */
  async #take (tree: SealedTree, events: readonly DecodedEvent[]): Promise<boolean> {
    const { head } = tree
    const later = head === undefined
      ? events
      : events.filter(({ position }) => position > head.through.commit)
    for (const event of later) {
      if (event.action === CHECKPOINT_ACTION && !isCosigned(event) &&
        event.revision > (head?.revision ?? -1n)) {
        throw new LedgerError('CHECKPOINT_MOVED', `another sealer has sealed ${tree.tenant}`)
      }
    }
    const leaves = later.filter(({ action }) => action !== CHECKPOINT_ACTION)
    if (leaves.length === 0) return false
    return await this.#guard(tree.tenant, async () => {
      await compare(this.#options, tree, leaves)
      tree.frontier = append(tree.frontier, leaves.map(({ leafHash }) => leafHash))
    })
  }

  async #seal (tree: SealedTree): Promise<void> {
    const { now, newId, fault, onHead } = this.#options
    const through = this.#at
    if (through === undefined) return
    await this.#guard(tree.tenant, async () => {
      tree.head = await seal(tree, { source: this.#options, through, now: now(), newId, fault })
      onHead?.(tree.tenant, tree.head)
    })
  }

  /** The tree of a tenant, undefined for one that is refused. */
  async #tree (tenant: string, projected: LogPosition): Promise<SealedTree | undefined> {
    if (this.#options.isRefused(tenant)) return undefined
    const known = this.#trees.get(tenant)
    if (known !== undefined) return known
    await this.#guard(tenant, async () => {
      const tree = await loadTree(this.#options, tenant, projected)
      this.#trees.set(tenant, tree)
      if (tree.head !== undefined) this.#options.onHead?.(tenant, tree.head)
    })
    return this.#trees.get(tenant)
  }

  /** Whether it went well; what is wrong with one tenant's tree does not stop the others. */
  async #guard (tenant: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work()
      return true
    } catch (err) {
      if (!(err instanceof Inconsistency)) throw err
      this.#trees.delete(tenant)
      await this.#options.refuse(err)
      return false
    }
  }
}

/** Waits for all, then throws the first error: nothing is under way when a session ends. */
async function settled (work: ReadonlyArray<Promise<void>>): Promise<void> {
  for (const result of await Promise.allSettled(work)) {
    if (result.status === 'rejected') throw result.reason
  }
}

/** Throws Inconsistency unless the rows of these leaves are what the log has. */
async function compare (
  { pool }: TreeSource, { tenant, frontier: { size } }: SealedTree, leaves: readonly DecodedEvent[]
): Promise<void> {
  const end = size + BigInt(leaves.length)
  const rows = await readAs(pool, tenant, async (tx) => await readLeaves(tx, size, end))
  leaves.forEach(({ leafHash, position, stream, revision }, at) => {
    const index = size + BigInt(at)
    const row = rows[at]
    if (row?.index === index && row.position === position && row.hash.equals(leafHash)) return
    const kind = row?.index === index ? 'tampered' : 'missing'
    throw new Inconsistency(tenant, kind, `leaf ${index}, revision ${revision} of ${stream}: ` +
      (kind === 'missing' ? 'it has no row' : 'its row is not what the log has'), index)
  })
}
