/**
 * `insert`: what most systems have. One INSERT per event into `activity_logs` with an index for
 * each thing one looks for, pages by LIMIT and OFFSET, and a COUNT(*) with every page.
 */
import pg from 'pg'
import { COLUMNS, rowOf } from './rows.ts'
import { serveBaseline, type PageQuery } from './server.ts'

const pool = new pg.Pool({ connectionString: process.argv[2], max: 20 })
// The server may end first when everything stops; statements under way reject by themselves.
pool.on('error', () => {})
const names = Object.keys(COLUMNS)
const INSERT = `insert into activity_logs (${names.join(', ')})
  values (${names.map((_, index) => `$${index + 1}`).join(', ')})`

async function page (query: PageQuery, where: string, values: string[]): Promise<unknown> {
  const given = [query.tenant, ...values]
  const offset = Number(query.cursor ?? 0)
  const [rows, count] = await Promise.all([
    pool.query(`select seq, recorded_at, ${names.join(', ')} from activity_logs
      where tenant = $1 ${where} order by recorded_at desc
      limit ${query.limit} offset ${offset}`, given),
    pool.query(`select count(*) from activity_logs where tenant = $1 ${where}`, given)
  ])
  const nextCursor = String(offset + rows.rows.length)
  return { items: rows.rows, nextCursor, total: Number(count.rows[0].count) }
}

await serveBaseline({
  append: async (tenant, events) => {
    for (const event of events) {
      await pool.query({ name: 'insert', text: INSERT, values: rowOf(tenant, event) })
    }
  },
  list: async (query) => await page(query, '', []),
  feed: async (query, user) => await page(query, 'and actor_id = $2', [user]),
  trail: async (query, type, id) => {
    return await page(query, 'and entity_type = $2 and entity_id = $3', [type, id])
  }
})
