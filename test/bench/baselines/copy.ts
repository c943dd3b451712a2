/**
 * `copy`: the rows of our read models into tables like ours, indexes included, by COPY from one
 * Node process, one table after the other. What any rebuild by way of rows could reach at best:
 * no reading of a log, no decoding, no hashing, one transaction a table.
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'

export interface CopyReply { readonly type: 'copied', readonly seconds: number, rows: number }

const SCHEMA = 'copy_baseline'
const TABLES = `select format('%I.%I', n.nspname, c.relname) as source, c.oid::text
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind = 'r' and n.nspname !~ '^pg_'
    and n.nspname <> all ('{control,vault,read,public,information_schema,copy_baseline}')
  order by 1`

const [url = '', folder = ''] = process.argv.slice(2)
const client = new pg.Client(url)
// The server may end first when everything stops; a statement under way rejects by itself.
client.on('error', () => {})
await client.connect()

interface Table { readonly source: string, readonly target: string, readonly file: string }

/** Empty tables of the same shape, and their rows in files. */
async function prepare (): Promise<Table[]> {
  await client.query(`drop schema if exists ${SCHEMA} cascade`)
  await client.query(`create schema ${SCHEMA}`)
  const { rows } = await client.query<{ source: string, oid: string }>(TABLES)
  const tables = rows.map(({ source, oid }) => {
    return { source, target: `${SCHEMA}.t${oid}`, file: join(folder, `copy-${oid}`) }
  })
  for (const { source, target, file } of tables) {
    await client.query(`create table ${target} (like ${source} including all)`)
    await pipeline(client.query(copyTo(`copy ${source} to stdout`)), createWriteStream(file))
  }
  return tables
}

async function copyAll (): Promise<CopyReply> {
  const tables = await prepare()
  let rows = 0
  const startedAt = performance.now()
  for (const { target, file } of tables) {
    const into = client.query(copyFrom(`copy ${target} from stdin`))
    await pipeline(createReadStream(file), into)
    rows += into.rowCount ?? 0
  }
  const seconds = (performance.now() - startedAt) / 1_000
  await client.query(`drop schema ${SCHEMA} cascade`)
  return { type: 'copied', seconds, rows }
}

process.on('message', () => {
  copyAll().then((reply) => process.send?.(reply), (err: unknown) => {
    process.stderr.write(`copy: ${String(err)}\n`)
    process.exit(1)
  })
})
process.once('disconnect', () => { process.exit(0) })
process.on('SIGINT', () => {})
process.send?.({ type: 'ready' })
