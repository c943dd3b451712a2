import { performance } from 'node:perf_hooks'
import t from 'tap'

import { PROJECTIONS } from '../../projections/index.ts'
import { merkle } from '../../projections/merkle/projection.ts'
import { leavesOfEvents, nodeReader } from '../../projections/merkle/queries.ts'
import type { Projection } from '../../projections/projection.ts'
import { inTransaction } from '../../src/postgres/transaction.ts'
import { planInclusion, proofFrom } from '../../src/proof/merkle-proof.ts'
import { createGeneration, goLive, type Generation } from '../../src/worker/generations.ts'
import { decodedEvent, uuid } from '../given.ts'
import { testDatabase } from '../helper.ts'

const EVENTS = Number(process.env['FIGURE_EVENTS'] ?? 100_000)
const BATCH = 2_000
const PROOFS = 500

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN

t.test('what the tree costs, and how long a proof takes', async (t) => {
  const database = await testDatabase(t)
  const worker = database.pool('ledger_worker', { pipeline: true })
  const others = PROJECTIONS.filter((one) => one !== merkle)
  const build = async (projections: readonly Projection[]): Promise<Generation[]> =>
    await inTransaction(worker, async (tx) => {
      const made: Generation[] = []
      for (const projection of projections) made.push(await createGeneration(tx, projection))
      return made
    })
  const apply = async (
    projections: readonly Projection[], generations: readonly Generation[], from: number
  ): Promise<number> => {
    const events = Array.from({ length: BATCH }, (_, at) => decodedEvent(from + at))
    const start = performance.now()
    await inTransaction(worker, async (tx) => {
      await tx.query("select set_config('search_path', $1, true)",
        [generations.map(({ schema }) => schema).join()])
      await Promise.all(projections.map(async ({ apply }) =>
        await apply({ events, park: () => undefined }, tx)))
    })
    return performance.now() - start
  }
  const [withTree, without] = [await build(PROJECTIONS), await build(others)]
  const ratios: number[] = []
  for (let at = 0; at < EVENTS; at += BATCH) {
    const first = await apply(PROJECTIONS, withTree, at)
    ratios.push(first / await apply(others, without, at))
  }
  t.comment(`${EVENTS} events, batches of ${BATCH}: with the tree ${median(ratios).toFixed(2)} ` +
    `times as long as without (medians of ${ratios.length} interleaved batches)`)
  await inTransaction(worker, async (tx) => {
    for (const [at, projection] of PROJECTIONS.entries()) {
      const generation = withTree[at]
      if (generation !== undefined) await goLive(tx, projection, generation)
    }
  })
  await worker.query(`analyze ${withTree.map(({ schema }, at) =>
    PROJECTIONS[at]?.views.map((view) => `${schema}.${view}`).join()).join()}`)
  const times: number[] = []
  let length = 0
  const api = database.pool('ledger_api', { pipeline: true })
  for (let n = 0; n < PROOFS; n++) {
    const start = performance.now()
    await inTransaction(api, async (tx) => {
      await tx.query("select set_config('search_path', 'read', true), " +
        "set_config('ledger.tenant', 'acme', true)")
      const [leaf] = await leavesOfEvents(tx, [uuid((n * 7_919) % EVENTS)])
      const plan = planInclusion(leaf?.index ?? 0n, BigInt(EVENTS))
      length = proofFrom(plan, await nodeReader(tx, plan.flat(), BigInt(EVENTS))).length
    })
    times.push(performance.now() - start)
  }
  t.comment(`a proof of ${length} hashes among ${EVENTS}: p50 ${median(times).toFixed(1)} ms, ` +
    `p99 ${times.toSorted((a, b) => a - b)[Math.floor(PROOFS * 0.99)]?.toFixed(1)} ms`)
  t.ok(length > 0)
})
