/**
 * The node as a process of its own: `main --data DIR [--host H] [--port N] [--max-append-size B]
 * [--tls-cert FILE --tls-key FILE] [--user NAME:PASSWORD ...]`.
 * Tells its parent `{ type: 'ready', url, port }` or `{ type: 'failed', message }` over IPC, and
 * ends on SIGINT, SIGTERM, when the parent is gone, and when the log fails.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { startNode, type NodeOptions } from './node.ts'

/** What this process tells the one that forked it. */
export type NodeMessage =
  | { readonly type: 'ready', readonly url: string, readonly port: number }
  | { readonly type: 'failed', readonly message: string }

function readOptions (args: string[]): NodeOptions {
  const { values } = parseArgs({
    args,
    options: {
      data: { type: 'string' },
      host: { type: 'string' },
      port: { type: 'string' },
      'max-append-size': { type: 'string' },
      'tls-cert': { type: 'string' },
      'tls-key': { type: 'string' },
      user: { type: 'string', multiple: true }
    }
  })
  if (values.data === undefined) throw new Error('--data DIR is missing')
  const maxAppendSize = values['max-append-size']
  const tls = readTls(values['tls-cert'], values['tls-key'])
  return {
    dataDir: values.data,
    tls,
    users: (values.user ?? []).map(readUser),
    ...(values.host === undefined ? {} : { host: values.host }),
    ...(values.port === undefined ? {} : { port: integer('port', values.port, 65_535) }),
    ...(maxAppendSize === undefined
      ? {}
      : { maxAppendSize: integer('max-append-size', maxAppendSize, 16 * 1024 * 1024) })
  }
}

function readTls (
  cert: string | undefined, key: string | undefined
): { cert: string, key: string } | undefined {
  if (cert === undefined && key === undefined) return undefined
  if (cert === undefined || key === undefined) {
    throw new Error('--tls-cert and --tls-key go together')
  }
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
}

function readUser (text: string): { name: string, password: string } {
  const colon = text.indexOf(':')
  if (colon < 1 || colon === text.length - 1) throw new Error('--user takes NAME:PASSWORD')
  return { name: text.slice(0, colon), password: text.slice(colon + 1) }
}

function integer (name: string, text: string, max: number): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new Error(`--${name} must be a number from 0 to ${max}, not "${text}"`)
  }
  return value
}

function tell (message: NodeMessage): void {
  if (process.connected) process.send?.(message, () => {})
}

function sentence (error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

/** Writes the reason and ends at once: after a failed write nothing may be acknowledged. */
function die (error: unknown): void {
  const message = sentence(error)
  process.stderr.write(`eventstore node: ${message}\n`)
  if (!process.connected) process.exit(1)
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
