/**
 * The node as a process of its own: `main --data DIR [--host H] [--port N] [--max-append-size B]
 * [--tls-cert FILE --tls-key FILE] [--user NAME:PASSWORD ...]`.
 * Tells its parent `{ type: 'ready', url, port }` or `{ type: 'failed', message }` over IPC, and
 * ends on SIGINT, SIGTERM, when the parent is gone, and when the log fails.
 */
import { startNode } from './node.ts'
import { readOptions } from './options.ts'

/** What this process tells the one that forked it. */
export type NodeMessage =
  | { readonly type: 'ready', readonly url: string, readonly port: number }
  | { readonly type: 'failed', readonly message: string }

function tell (message: NodeMessage): void {
  if (process.connected) process.send?.(message, () => {})
}

function sentence (error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

const FAREWELL_MS = 1_000

/** Writes the reason and ends at once: after a failed write nothing may be acknowledged. */
function die (error: unknown): void {
  const message = sentence(error)
  process.stderr.write(`eventstore node: ${message}\n`)
  if (!process.connected) process.exit(1)
  // A parent that does not listen must not keep a broken node alive.
  setTimeout(() => { process.exit(1) }, FAREWELL_MS)
  process.send?.({ type: 'failed', message } satisfies NodeMessage, () => { process.exit(1) })
}

async function main (): Promise<void> {
  const node = await startNode({
    ...readOptions(process.argv.slice(2)),
    report: (message) => { process.stderr.write(`eventstore node: ${message}\n`) },
    onFailure: die
  })
  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= node.stop().then(() => { process.exit(0) }, die)
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  process.on('disconnect', stop)
  process.on('uncaughtException', die)
  process.on('unhandledRejection', die)
  tell({ type: 'ready', url: node.url, port: node.port })
}

main().catch(die)
