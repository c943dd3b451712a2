import { headOf } from '../../projections/merkle/head.ts'
import { nodeReader } from '../../projections/merkle/queries.ts'
import { isLedgerError } from '../errors.ts'
import { decode } from '../ledger/codec.ts'
import type { Log } from '../ledger/log.ts'
import { firstOf } from '../ledger/read.ts'
import type { Logger } from '../log.ts'
import type { Pool } from '../postgres/pool.ts'
import { planConsistency, proofFrom } from '../proof/merkle-proof.ts'
import type { Policy } from '../proof/policy.ts'
import { CosignKeeper } from './cosign-keeper.ts'
import { Inconsistency, recordInconsistency } from './inconsistency.ts'
import { checkpointStream, readAs, type LastHead } from './sealed-tree.ts'
import type { WitnessingStatus } from './status.ts'
import {
  createWitnessClient, WitnessAhead, WitnessContradicts, WitnessRefuses, type WitnessAddress
} from './witness-client.ts'
import { WitnessQueue, type Owed, type QueueOptions } from './witness-queue.ts'

export interface CosignerOptions
  extends Pick<QueueOptions, 'spacingMs' | 'retryMs' | 'retryMaxMs' | 'refusedMs'> {
  /** As ledger_worker, pipelined. */
  pool: Pool
  log: Log
  /** Witnesses with a URL are asked; its quorum is what makes a checkpoint cosigned. */
  policy: Policy
  logger: Logger
  /** Milliseconds since 1970. */
  now: () => number
  newId: () => string
  onStatus: (status: WitnessingStatus) => void
  timeoutMs?: number | undefined
}

export interface Cosigner {
  /** Has the tenant's last checkpoint cosigned, sooner or later; returns at once. */
  add (tenant: string, head: LastHead): void
  /** Asks until the signal aborts; waits for whatever is away. Throws for a bug only. */
  run (signal: AbortSignal): Promise<void>
}

/** Collects cosignatures beside the sealer, which never waits for them. */
export function createCosigner (options: CosignerOptions): Cosigner {
  const witnesses = options.policy.witnesses.flatMap(({ name, key, url }) =>
    url === undefined ? [] : [{ name, key, url }])
  const said = new Said(witnesses.length, options.onStatus)
  const keeper = new CosignKeeper(options)
  const queues = witnesses.map((witness) => queueOf({ options, witness, said, keeper }))
  const seen = new Map<string, LastHead>()
  return {
    add (tenant, head) {
      const last = seen.get(tenant)
      if (last?.note === head.note && last.sealedAt === head.sealedAt) return
      seen.set(tenant, head)
      for (const queue of queues) queue.add({ tenant, head })
    },
    async run (signal) {
      said.tell()
      await Promise.all(queues.map(async (queue) => { await queue.run(signal) }))
    }
  }
}

interface Asking {
  options: CosignerOptions
  witness: WitnessAddress
  said: Said
  keeper: CosignKeeper
}

function queueOf ({ options, witness, said, keeper }: Asking): WitnessQueue {
  const { pool, logger, timeoutMs } = options
  const { name } = witness
  const prove = async (tenant: string, from: bigint, to: bigint): Promise<Buffer[]> =>
    await proofOf(pool, tenant, { from, to })
  const client = createWitnessClient({ witness, prove, timeoutMs })
  return new WitnessQueue({
    ...options,
    work: async (owed, signal) => {
      const { tenant, head } = owed
      try {
        const line = await client.cosign({ ...head, tenant }, signal)
        await keeper.add(tenant, head, { name, line })
      } catch (err) {
        if (!(err instanceof WitnessAhead)) throw err
        await explain(options, owed, err)
      }
    },
    onState: (away) => {
      if (away === undefined) logger.info({ witness: name }, 'the witness is back')
      else logger.warn({ witness: name, reason: away }, 'the witness is away')
      said.away(name, away)
    },
    onTree: async (tenant, wrong) => {
      said.tree(name, tenant, wrong)
      if (wrong === undefined) return
      logger.error({ witness: name, tenant, reason: wrong.message }, 'the tree is not cosigned')
      if (wrong instanceof WitnessContradicts) await record(options, tenant, wrong)
    }
  })
}

/** Throws WitnessRefuses if the rows do not have what it takes. */
async function proofOf (
  pool: Pool, tenant: string, { from, to }: { from: bigint, to: bigint }
): Promise<Buffer[]> {
  try {
    const plan = planConsistency(from, to)
    return await readAs(pool, tenant, async (tx) =>
      proofFrom(plan, await nodeReader(tx, plan.flat(), to)))
  } catch (err) {
    if (!(err instanceof RangeError)) throw err
    throw new WitnessRefuses(`rows of the tree are missing: ${err.message}`)
  }
}

/** Another worker may have had a later checkpoint cosigned; else the log has lost some. */
async function explain (
  { log }: CosignerOptions, { tenant }: Owed, ahead: WitnessAhead
): Promise<void> {
  const last = await firstOf(log.readStream(checkpointStream(tenant),
    { from: 'end', direction: 'backward', max: 1 }))
  const decoded = last && decode(last)
  const known = decoded?.ok === true ? headOf(decoded.event) : undefined
  if (known !== undefined && 'size' in known && known.size >= ahead.size) return
  throw new WitnessContradicts(`${ahead.message}, which the log does not have`)
}

async function record (
  { log, logger, now, newId }: CosignerOptions, tenant: string, { message }: Error
): Promise<void> {
  const found = new Inconsistency(tenant, 'forked', message)
  try {
    await recordInconsistency(log, found, { finder: 'witnesses', id: newId(), now: now() })
  } catch (err) {
    if (!isLedgerError(err)) throw err
    logger.warn({ err }, 'what a witness said is not recorded yet')
  }
}

/** What is to be said of all witnesses. */
class Said {
  readonly #witnesses: number
  readonly #onStatus: (status: WitnessingStatus) => void
  readonly #away = new Map<string, string>()
  /** Witness and tenant -> what is wrong. */
  readonly #trees = new Map<string, { name: string, tenant: string, wrong: Error }>()

  constructor (witnesses: number, onStatus: (status: WitnessingStatus) => void) {
    this.#witnesses = witnesses
    this.#onStatus = onStatus
  }

  away (name: string, reason: string | undefined): void {
    if (reason === undefined) this.#away.delete(name)
    else this.#away.set(name, reason)
    this.tell()
  }

  tree (name: string, tenant: string, wrong: Error | undefined): void {
    const key = `${name} ${tenant}`
    if (wrong === undefined && !this.#trees.delete(key)) return
    if (wrong !== undefined) this.#trees.set(key, { name, tenant, wrong })
    this.tell()
  }

  tell (): void {
    const trees = [...this.#trees.values()]
    const contradicted = trees.filter(({ wrong }) => wrong instanceof WitnessContradicts)
    const refusing = trees.filter(({ wrong }) => wrong instanceof WitnessRefuses)
    const [worst] = [...contradicted, ...refusing].map(({ name, tenant, wrong }) =>
      `${name}, ${tenant}: ${wrong.message}`)
    const [away] = [...this.#away].map(([name, reason]) => `${name}: ${reason}`)
    this.#onStatus({
      witnesses: this.#witnesses,
      away: [...new Set([...this.#away.keys(), ...refusing.map(({ name }) => name)])],
      contradicted: new Set(contradicted.map(({ tenant }) => tenant)).size,
      problem: worst ?? away
    })
  }
}
