import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Pool } from '../postgres/pool.ts'

/** What the API counts. Labels are routes and outcomes: never a tenant, a person or an id. */
export interface ApiMetrics {
  registry: Registry
  requestSeconds: Histogram<'method' | 'route' | 'status'>
  appendedEvents: Counter<'result'>
  exports: Counter<'format' | 'result'>
  exportedBytes: Counter<'format'>
  lag: Gauge
  parkedEvents: Gauge
  refusedTrees: Gauge
  witnessesAway: Gauge
  contradictedTrees: Gauge
  scrubFindings: Gauge
  scrubShare: Gauge
  logUp: Gauge
  databaseUp: Gauge
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

/** A registry of its own, so that several APIs can live in one process. */
export function createMetrics (pool: Pool): ApiMetrics {
  const registry = new Registry()
  const registers = [registry]
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers })
  reportPool(pool, registers)
  reportWebhooks(pool, registers)
  return {
    registry,
    requestSeconds: new Histogram({
      name: 'ledger_http_request_seconds',
      help: 'Time from a request to its answer, by route pattern',
      labelNames: ['method', 'route', 'status'],
      buckets: SECONDS,
      registers
    }),
    appendedEvents: new Counter({
      name: 'ledger_append_events_total',
      help: 'Events sent to be appended, by what came of them',
      labelNames: ['result'],
      registers
    }),
    exports: new Counter({
      name: 'ledger_exports_total',
      help: 'Exports by what was done: prepared, failed, downloaded, broken off',
      labelNames: ['format', 'result'],
      registers
    }),
    exportedBytes: new Counter({
      name: 'ledger_export_bytes_total',
      help: 'Bytes of exports that were sent',
      labelNames: ['format'],
      registers
    }),
    lag: gauge('ledger_projection_lag',
      'Distance between the head of the log and what the read models reflect, in positions'),
    parkedEvents: gauge('ledger_parked_events', 'Events that no projection could take'),
    refusedTrees: gauge('ledger_integrity_refused',
      'Trees that are inconsistent, for which nothing is signed; rebuilt rows kept back count too'),
    witnessesAway: gauge('ledger_witnesses_away', 'Witnesses that do not cosign now'),
    contradictedTrees: gauge('ledger_integrity_contradicted',
      'Trees of which a witness has cosigned more than the log has, or something else'),
    scrubFindings: gauge('ledger_scrub_findings',
      'Places at which the log that was re-read is not what its rows or a signed head say'),
    scrubShare: gauge('ledger_scrub_share', 'How much of the log the present pass has re-read'),
    logUp: gauge('ledger_log_up', '1 if the log answers'),
    databaseUp: gauge('ledger_database_up', '1 if the database answers')
  }
}

function reportPool (pool: Pool, registers: Registry[]): void {
  const connections = new Gauge({
    name: 'ledger_pool_connections',
    help: 'Connections to the database by state; waiting = requests without one',
    labelNames: ['state'],
    registers,
    collect () {
      connections.set({ state: 'total' }, pool.totalCount)
      connections.set({ state: 'idle' }, pool.idleCount)
      connections.set({ state: 'waiting' }, pool.waitingCount)
    }
  })
}

const WEBHOOK_STATES = ['delivering', 'failing', 'disabled']

/** Asked for with everything else; what the database does not tell is left as it was. */
function reportWebhooks (pool: Pool, registers: Registry[]): void {
  const webhooks = new Gauge({
    name: 'ledger_webhooks',
    help: 'Webhooks by state; failing ones are tried again, disabled ones are not',
    labelNames: ['state'],
    registers,
    async collect () {
      const counts = await countWebhooks(pool).catch(() => undefined)
      if (counts === undefined) return
      for (const state of WEBHOOK_STATES) webhooks.set({ state }, counts.get(state) ?? 0)
    }
  })
}

async function countWebhooks (pool: Pool): Promise<Map<string, number>> {
  const { rows } = await pool.query<{ state: string, count: bigint }>(
    'select state, count from control.webhook_counts()')
  return new Map(rows.map(({ state, count }) => [state, Number(count)]))
}
