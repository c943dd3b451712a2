import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { runSql } from '../baselines/tables.ts'
import { figureOf, ratioCheck, type Figure, type Scenario, type SystemName } from '../bench.ts'
import { storedBytes } from '../log-bytes.ts'
import { summarise } from '../stats.ts'

const POSTGRES_MAX = 1.4
const LOG_MAX = 1.15

/** Tables and indexes with what belongs to them, system tables left out. */
const TABLE_BYTES = `select coalesce(sum(pg_total_relation_size(c.oid)), 0)::float8 as bytes
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema')
    and n.nspname !~ '^pg_toast'`

/** Bytes of all tables of a database that fit the condition, with indexes. */
export async function tableBytes (url: string, only: string): Promise<number> {
  const [row] = await runSql(url, [`${TABLE_BYTES} ${only}`])
  return Number(row?.['bytes'])
}

/** Bytes of all files below a folder. */
export function folderBytes (folder: string): number {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(join(folder, name)))
    .reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0)
}

/** What an event takes on disk. */
export const storage: Scenario = {
  name: 'storage',
  title: 'Storage per event',
  filled: true,
  async run (bench) {
    const { ledger, baselinesUrl, options: { events } } = bench
    const figures: Figure[] = []
    const add = (system: SystemName, measure: string, bytes: number): void => {
      figures.push({ measure, unit: 'bytes', system, value: summarise([bytes / events]) })
    }
    if (bench.systems.has('tuned')) {
      const only = "and c.relname = 'activity_logs_tuned'"
      add('tuned', 'Postgres', await tableBytes(baselinesUrl, only))
    }
    if (ledger !== undefined) {
      add('ledger', 'Postgres', await tableBytes(ledger.databaseUrl, ''))
      add('ledger', 'log', folderBytes(ledger.logFolder))
      const { EVENTSTORE_URL: url = '' } = ledger.environment()
      const { bytes, events: read } = await storedBytes(url)
      add('ledger', 'events in the log', bytes / read * events)
    }
    const of = (system: SystemName, measure: string) => figureOf(figures, system, measure)
    return {
      figures,
      checks: [
        ratioCheck('Postgres bytes per event', [of('ledger', 'Postgres'), of('tuned', 'Postgres')],
          { kind: 'at most', limit: POSTGRES_MAX }),
        {
          what: 'log bytes per event',
          against: 'bytes of the events in it',
          value: (of('ledger', 'log')?.value.median ?? NaN) /
            (of('ledger', 'events in the log')?.value.median ?? NaN),
          unit: '×',
          target: { kind: 'at most', limit: LOG_MAX }
        }
      ]
    }
  }
}
