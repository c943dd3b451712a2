import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { packageFile } from '../../src/paths.ts'

/** The built program. */
export const MAIN = packageFile('dist/src/cli/main.js')
const READY_MAX_MS = 60_000
/** Characters of what was seen last that an error shows. */
const SEEN_MAX = 500

export interface RunningCommand {
  readonly child: ChildProcess
  /** Everything it has said so far, on both outputs. */
  said: () => string
  /** Resolves when it has said that; throws with everything it said if it ends or takes long. */
  until: (text: string) => Promise<void>
  /** Resolves with the exit code, or the signal, once it has ended. */
  ended: Promise<number | string>
}

/** Runs the built program like a user does; what is left of it is killed with the test. */
export function runCommand (
  t: Test, args: readonly string[], env: NodeJS.ProcessEnv = {}
): RunningCommand {
  // Its own process group, so that nothing of it outlives the test, not even after a kill -9.
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe']
  })
  let said = ''
  for (const output of [child.stdout, child.stderr]) {
    output?.on('data', (chunk: Buffer) => { said += chunk.toString() })
  }
  const ended = new Promise<number | string>((resolve) => {
    child.once('exit', (code, signal) => { resolve(signal ?? code ?? 'unknown') })
  })
  t.teardown(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await ended
  })
  const until = async (text: string): Promise<void> => {
    const deadline = Date.now() + READY_MAX_MS
    while (!said.includes(text)) {
      if (child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`never said ${JSON.stringify(text)}, but:\n${said}`)
      }
      await sleep(20)
    }
  }
  return { child, said: () => said, until, ended }
}

/** Polls until the check holds; throws after `timeoutMs` with what it saw last. */
export async function eventually<T> (
  look: () => Promise<T>, holds: (seen: T) => boolean, timeoutMs = 30_000
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const seen = await look()
    if (holds(seen)) return seen
    if (Date.now() > deadline) throw new Error(`still ${JSON.stringify(seen).slice(0, SEEN_MAX)}`)
    await sleep(50)
  }
}

/** Ports that were free a moment ago. */
export async function freePort (): Promise<number> {
  const { createServer } = await import('node:net')
  return await new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => {
        if (address !== null && typeof address === 'object') resolve(address.port)
        else reject(new Error('no port'))
      })
    })
  })
}
