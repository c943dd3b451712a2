/** Answers appends with receipts and keeps nothing: whose cost is not what is measured. */
import { createServer } from 'node:http'

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
    const events: Array<{ id: string }> = JSON.parse(Buffer.concat(chunks).toString())
    const items = events.map(({ id }) => ({ status: 201, receipt: { id, duplicate: false } }))
    response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify({ items }))
  })
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  process.send?.({ type: 'ready', port })
})
process.once('disconnect', () => { process.exit(0) })
