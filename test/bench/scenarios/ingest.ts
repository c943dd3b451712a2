import {
  figureOf, ratioCheck, type Bench, type Outcome, type Scenario, type System, type SystemName
} from '../bench.ts'
import { failureNote, figuresOf, interleave, metered, type Sample } from '../sample.ts'

const SEED = 11
const REQUESTS_MAX = 10_000_000

interface Shape {
  readonly measure: string
  readonly batch: number
  readonly connections: number
}

const SINGLE: Shape = { measure: 'one event per POST, 64 connections', batch: 1, connections: 64 }
const BATCH: Shape = { measure: 'batches of 100, 8 connections', batch: 100, connections: 8 }

/** One sample. CPU counts until all is projected: that work is part of the price of an event. */
async function sample (
  bench: Bench, system: System, shape: Shape & { seconds: number }
): Promise<Sample> {
  const { result: tally, cpu } = await metered(bench, system, async () => {
    const tally = await bench.load.run({
      kind: 'closed',
      port: system.port,
      connections: shape.connections,
      seconds: shape.seconds,
      requestsMax: REQUESTS_MAX,
      source: {
        kind: 'appends', seed: SEED, batch: shape.batch, credentials: system.credentials
      }
    })
    await system.settle()
    return tally
  })
  const events = tally.answered * shape.batch
  return { value: events / tally.seconds, units: events, cpu, note: failureNote(tally) }
}

async function measure (
  bench: Bench, shape: Shape, systems: readonly SystemName[]
): Promise<Outcome['figures']> {
  const samples = await interleave(bench, systems, async (system, round) => {
    return await sample(bench, system, { ...shape, seconds: bench.options.seconds })
  })
  return figuresOf(samples, shape.measure, 'events/s')
}

export const ingestSingle: Scenario = {
  name: 'ingest-single',
  title: 'Ingest, one event per request',
  filled: false,
  async run (bench) {
    const figures = await measure(bench, SINGLE, ['noop', 'filelog', 'insert', 'ledger'])
    const of = (system: SystemName) => figureOf(figures, system, SINGLE.measure)
    return {
      figures,
      checks: [
        ratioCheck('ingest, one event per POST', [of('ledger'), of('filelog')],
          { kind: 'at least', limit: 0.5 }),
        ratioCheck('ingest, one event per POST', [of('ledger'), of('insert')],
          { kind: 'at least', limit: 1.7 })
      ]
    }
  }
}

export const ingestBatch: Scenario = {
  name: 'ingest-batch',
  title: 'Ingest, batches of 100 over mixed streams',
  filled: false,
  async run (bench) {
    const figures = await measure(bench, BATCH, ['noop', 'filelog', 'tuned', 'ledger'])
    const of = (system: SystemName) => figureOf(figures, system, BATCH.measure)
    return {
      figures,
      checks: [
        ratioCheck('ingest, batches of 100', [of('ledger'), of('filelog')],
          { kind: 'at least', limit: 0.45 }),
        ratioCheck('ingest, batches of 100', [of('ledger'), of('tuned')],
          { kind: 'at least', limit: 1.2 })
      ]
    }
  }
}
