/** A small Fastify application: `plain`, `audited`, or audited with `bodies`. */
import fastify from 'fastify'
import { createClient } from '../../../src/client/client.ts'
import { auditLedger } from '../../../src/client/fastify.ts'

const [mode, sinkPort] = process.argv.slice(2)
const app = fastify()
const client = createClient({ url: `http://127.0.0.1:${sinkPort}`, key: 'al_bench' })
if (mode !== 'plain') {
  await app.register(auditLedger, {
    client,
    actor: () => ({ type: 'user', id: 'u-1' }),
    ...mode === 'bodies' && { bodies: { request: true, response: true } }
  })
}
app.get('/users/:id', async ({ params }) => ({ params, name: 'Alice', token: 'secret' }))
const address = await app.listen({ host: '127.0.0.1', port: 0 })
process.on('message', async () => {
  await client.flush()
  process.send?.({ type: 'flushed', stats: client.stats() })
})
process.once('disconnect', () => { process.exit(0) })
process.send?.({ type: 'ready', port: Number(new URL(address).port) })
