import { setTimeout as sleep } from 'node:timers/promises'
import { CHECKPOINT_ACTION, COSIGNED_ENTITY } from '../../schemas/checkpoint.ts'
import { LedgerError } from '../errors.ts'
import type { Log } from '../ledger/log.ts'
import { ownRecord } from '../ledger/own-record.ts'
import { lastRevision } from '../ledger/read.ts'
import { meetsQuorum, type Policy } from '../proof/policy.ts'
import type { LastHead } from './sealed-tree.ts'

export interface KeeperOptions {
  log: Log
  /** The witnesses, and how many of them make a checkpoint cosigned. */
  policy: Policy
  /** Milliseconds since 1970. */
  now: () => number
  newId: () => string
  /** How long the first quorum waits for others' cosignatures. */
  collectMs?: number | undefined
}

/** One checkpoint, and who has cosigned it. */
interface Collected {
  head: LastHead
  /** Witness -> its line. */
  lines: Map<string, string>
  kept: number
  keeping: Promise<void> | undefined
}

const COLLECT_MS = 100
/** A slow witness may be so many checkpoints behind a quick one. */
const HEADS_MAX = 16
const TRIES = 5

/** Puts cosignatures on record: together, once they make a quorum. */
export class CosignKeeper {
  readonly #options: KeeperOptions
  readonly #trees = new Map<string, Collected[]>()

  constructor (options: KeeperOptions) {
    this.#options = options
  }

  /**
   * Takes a cosignature; resolves when it is in the log, or at once if the quorum lacks others.
   * Throws LOG_UNAVAILABLE.
   */
  async add (tenant: string, head: LastHead, { name, line }: { name: string, line: string }) {
    const collected = this.#of(tenant, head)
    collected.lines.set(name, line)
    if (!meetsQuorum(this.#options.policy, new Set(collected.lines.keys()))) return
    collected.keeping ??= this.#keep(tenant, collected)
      .finally(() => { collected.keeping = undefined })
    await collected.keeping
  }

  #of (tenant: string, head: LastHead): Collected {
    const known = this.#trees.get(tenant) ?? []
    const found = known.find((one) =>
      one.head.note === head.note && one.head.sealedAt === head.sealedAt)
    if (found !== undefined) return found
    const collected = { head, lines: new Map<string, string>(), kept: 0, keeping: undefined }
    this.#trees.set(tenant, [collected, ...known].slice(0, HEADS_MAX))
    return collected
  }

  async #keep (tenant: string, collected: Collected): Promise<void> {
    await sleep(this.#options.collectMs ?? COLLECT_MS)
    while (collected.kept < collected.lines.size) {
      const lines = [...collected.lines.values()]
      await this.#append(tenant, collected.head, lines.join(''))
      collected.kept = lines.length
    }
  }

  async #append (tenant: string, head: LastHead, lines: string): Promise<void> {
    const { log, now, newId } = this.#options
    const { note, keys, through } = head
    const { stream, event } = ownRecord(tenant, {
      action: CHECKPOINT_ACTION,
      category: 'system',
      actor: { type: 'system', id: 'witnesses' },
      entity: COSIGNED_ENTITY,
      outcome: 'success',
      data: {
        checkpoint: note + lines,
        keys,
        through: { commit: String(through.commit), prepare: String(through.prepare) }
      }
    }, { id: newId(), recordedAt: new Date(now()).toISOString() })
    for (let tries = 0; tries < TRIES; tries++) {
      const revision = await lastRevision(log, stream)
      const outcome = await log.append(stream, [event], revision < 0n ? undefined : revision)
      if (outcome.kind === 'appended') return
      if (outcome.kind !== 'conflict') break
    }
    throw new LedgerError('LOG_UNAVAILABLE', 'cosignatures could not be appended')
  }
}
