import pg from 'pg'
import { tableDdl } from './rows.ts'

const STATEMENTS = [
  tableDdl('activity_logs'),
  'create index on activity_logs (tenant)',
  'create index on activity_logs (actor_id)',
  'create index on activity_logs (entity_type, entity_id)',
  'create index on activity_logs (recorded_at)',
  tableDdl('activity_logs_tuned'),
  'create index on activity_logs_tuned (tenant, seq)',
  'create index on activity_logs_tuned (tenant, actor_id, seq)',
  'create index on activity_logs_tuned (tenant, entity_type, entity_id, seq)'
]

export const BASELINE_DATABASE = 'bench_baselines'

/** The address of another database of the same server. */
export function inDatabase (url: string, database: string): string {
  const other = new URL(url)
  other.pathname = `/${database}`
  return other.href
}

/** Runs statements one after the other on a connection of their own; the last one's rows. */
export async function runSql (
  url: string, statements: readonly string[]
): Promise<Array<Record<string, unknown>>> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    let rows: Array<Record<string, unknown>> = []
    for (const statement of statements) rows = (await client.query(statement)).rows
    return rows
  } finally {
    await client.end()
  }
}

/** Makes the database of the baselines; its address. Durability is as the server has it: on. */
export async function createBaselineDatabase (superuserUrl: string): Promise<string> {
  await runSql(superuserUrl, [`create database ${BASELINE_DATABASE}`])
  const url = inDatabase(superuserUrl, BASELINE_DATABASE)
  await runSql(url, STATEMENTS)
  return url
}

/** Gives the plain table the rows of the tuned one, so that both have as many. */
export async function copyToPlainTable (url: string): Promise<void> {
  await runSql(url, [
    'truncate activity_logs restart identity',
    'insert into activity_logs overriding system value select * from activity_logs_tuned',
    // The identity goes on after the highest number taken over.
    "select setval(pg_get_serial_sequence('activity_logs', 'seq'), max(seq)) from activity_logs",
    'vacuum analyze'
  ])
}
