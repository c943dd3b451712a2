import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { LedgerError } from '../errors.ts'
import type { Service } from './supervise.ts'

const KILL_AFTER_MS = 9_500

/**
 * Runs a command of this program as a process of its own; resolves when it says that it is ready.
 * It has its own process group, so that Ctrl-C reaches the supervisor alone and the parts stop in
 * order; it ends by itself when the supervisor is gone. Throws INTERNAL if it ends before ready.
 */
export async function startProcess (
  args: readonly [string, ...string[]], env: NodeJS.ProcessEnv
): Promise<Service> {
  const main = new URL('./main.js', import.meta.url)
  const child = fork(fileURLToPath(main), args, {
    env, detached: true, stdio: ['ignore', 'inherit', 'inherit', 'ipc']
  })
  const exited = new Promise<string>((resolve) => {
    child.once('error', (err) => { resolve(err.message) })
    child.once('exit', (code, signal) => { resolve(signal ?? `exit code ${code ?? 'unknown'}`) })
  })
  const early = await Promise.race([readyMessage(child), exited])
  if (early !== undefined) {
    throw new LedgerError('INTERNAL', `${args[0]} could not start (${early}); it said why above`)
  }
  return { exited, stop: async () => { await stop(child, exited) } }
}

function readyMessage (child: ChildProcess): Promise<undefined> {
  return new Promise((resolve) => {
    child.on('message', (message: { type?: unknown }) => {
      if (message.type === 'ready') resolve(undefined)
    })
  })
}

async function stop (child: ChildProcess, exited: Promise<string>): Promise<void> {
  child.kill('SIGTERM')
  const killer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS)
  await exited
  clearTimeout(killer)
}
