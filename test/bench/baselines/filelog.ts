/**
 * `filelog`: group commit to one file. Whatever arrives while a write is being made durable goes
 * out with the next: the limit of durable ingest on this disk, with no index and no reads.
 */
import { open } from 'node:fs/promises'
import { serveBaseline } from './server.ts'

const file = await open(process.argv[2] ?? '', 'a')
let waiting: Array<{ text: string, done: () => void, fail: (err: unknown) => void }> = []
let writing = false

async function flush (): Promise<void> {
  writing = true
  while (waiting.length > 0) {
    const group = waiting
    waiting = []
    try {
      await file.appendFile(group.map(({ text }) => text).join(''))
      await file.datasync()
      for (const { done } of group) done()
    } catch (err) {
      for (const { fail } of group) fail(err)
    }
  }
  writing = false
}

await serveBaseline({
  append: (tenant, events) => new Promise((resolve, reject) => {
    const recordedAt = new Date().toISOString()
    const text = events
      .map((event) => JSON.stringify({ tenant, recordedAt, ...event }) + '\n')
      .join('')
    waiting.push({ text, done: resolve, fail: reject })
    if (!writing) flush().catch(reject)
  })
})
