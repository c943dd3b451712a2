import { createSender } from '../../src/webhooks/send.ts'

// Sends one message to the address that it is given, and tells what came of it.
const sender = createSender({
  url: process.argv[2] ?? '',
  secrets: [Buffer.alloc(32)],
  now: Date.now,
  allowLoopback: true,
  resolve: async () => []
})
const attempt = await sender.send({ id: 'msg_1', body: '{}' }, new AbortController().signal)
sender.close()
process.send?.(attempt)
process.disconnect()
