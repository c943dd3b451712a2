/** Starts a Postgres on the folder given, says so as JSON, and waits to be killed. */
import { startPostgres } from '../../../src/embedded/postgres/start.ts'

const running = await startPostgres({ dataDir: process.argv[2] ?? '' })
console.log(JSON.stringify({ ...running, uid: process.getuid?.() }))
setInterval(() => {}, 60_000)
