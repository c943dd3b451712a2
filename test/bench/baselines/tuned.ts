/**
 * `tuned`: the same table by somebody who knows Postgres. One multi-row INSERT per request,
 * prepared statements, an index that serves each page in its order, pages by key, no counting.
 */
import pg from 'pg'
import { COLUMNS, rowOf } from './rows.ts'
import { serveBaseline, type PageQuery } from './server.ts'

const pool = new pg.Pool({ connectionString: process.argv[2], max: 10 })
// The server may end first when everything stops; statements under way reject by themselves.
pool.on('error', () => {})
const names = Object.keys(COLUMNS)
const INSERT = `insert into activity_logs_tuned (${names.join(', ')})
  select * from unnest(${Object.values(COLUMNS).map((type, index) => `$${index + 1}::${type}[]`)})`
const FIRST = '9223372036854775807'

interface Page { readonly name: string, readonly where: string, readonly values: string[] }

async function page (query: PageQuery, { name, where, values }: Page): Promise<unknown> {
  const { rows } = await pool.query({
    name,
    text: `select seq, recorded_at, ${names.join(', ')} from activity_logs_tuned
      where tenant = $1 and seq < $2 ${where} order by seq desc limit $3`,
    values: [query.tenant, query.cursor ?? FIRST, query.limit, ...values]
  })
  return { items: rows, nextCursor: rows.at(-1)?.seq ?? null }
}

await serveBaseline({
  append: async (tenant, events) => {
    const rows = events.map((event) => rowOf(tenant, event))
    const columns = names.map((_, index) => rows.map((row) => row[index] ?? null))
    await pool.query({ name: 'insert', text: INSERT, values: columns })
  },
  list: async (query) => await page(query, { name: 'list', where: '', values: [] }),
  feed: async (query, user) => {
    return await page(query, { name: 'feed', where: 'and actor_id = $4', values: [user] })
  },
  trail: async (query, type, id) => {
    const where = 'and entity_type = $4 and entity_id = $5'
    return await page(query, { name: 'trail', where, values: [type, id] })
  }
})
