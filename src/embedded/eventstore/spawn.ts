/** Starting the node as a child process that never outlives its parent. */
import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { NodeMessage } from './main.ts'

export interface SpawnOptions {
  readonly dataDir: string
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 0: any free port. */
  readonly port?: number
  /** The most data bytes of one append call; default 1 MiB. */
  readonly maxAppendSize?: number
  /** Told each line that the node writes to stderr; default: this process's stderr. */
  readonly onLine?: (line: string) => void
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface SpawnedNode {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Stops it in order; settles when the process is gone. */
  stop (): Promise<void>
  /** Settles when the process ends, however it does. */
  readonly exited: Promise<Exit>
}

/** How long a node may take to stop before it is killed. */
const STOP_MS = 10_000

/**
 * Forks a node; settles when it is ready.
 * @throws {Error} with the node's own sentence when it cannot start.
 */
export async function spawnNode (options: SpawnOptions): Promise<SpawnedNode> {
  const main = fileURLToPath(new URL('./main.js', import.meta.url))
  // In a process group of its own: Ctrl-C is for the parent, who stops its users before the node.
  const child = fork(main, argumentsOf(options), {
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'], detached: true
  })
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => { resolve({ code, signal }) })
  })
  forwardLines(child, options.onLine)
  const { url, port } = await ready(child, exited)
  return { url, port, pid: child.pid ?? -1, exited, stop: () => stop(child, exited) }
}

function argumentsOf ({ dataDir, host, port, maxAppendSize }: SpawnOptions): string[] {
  const values = { data: dataDir, host, port, 'max-append-size': maxAppendSize }
  return Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)])
}

function forwardLines (child: ChildProcess, onLine: ((line: string) => void) | undefined): void {
  let rest = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    if (onLine === undefined) {
      process.stderr.write(chunk)
      return
    }
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) onLine(line)
  })
}

function ready (
  child: ChildProcess, exited: Promise<Exit>
): Promise<NodeMessage & { type: 'ready' }> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('message', (message: NodeMessage) => {
      if (message.type === 'ready') resolve(message)
      else reject(new Error(`the event store node cannot start: ${message.message}`))
    })
    exited.then(({ code, signal }) => {
      reject(new Error(`the event store node ended with ${signal ?? code} before it was ready`))
    }, reject)
  })
}

async function stop (child: ChildProcess, exited: Promise<Exit>): Promise<void> {
  child.kill('SIGTERM')
  const timer = setTimeout(() => { child.kill('SIGKILL') }, STOP_MS)
  await exited
  clearTimeout(timer)
}
