import { fork, type ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { LedgerError } from '../errors.ts'

const BACKOFF_FIRST_MS = 100
const BACKOFF_MAX_MS = 5_000
/** A process that ran this long has recovered: its next restart is quick again. */
const STEADY_AFTER_MS = 30_000
const STOP_KILL_AFTER_MS = 9_500

export interface Supervised {
  /** Asks the process to stop and waits until it is gone. */
  stop: () => Promise<void>
}

export interface SuperviseOptions {
  /** The command of `audit-ledger` that the process runs. */
  command: string
  args: readonly string[]
  env: NodeJS.ProcessEnv
  onRestart: (said: string) => void
}

/**
 * Runs a command of this program in a process of its own and starts it again whenever it ends
 * by itself. Resolves when it is ready the first time; throws INTERNAL if it ends before.
 */
export async function supervise (options: SuperviseOptions): Promise<Supervised> {
  let stopping = false
  let child = launch(options)
  await ready(child, options.command)

  const keepAlive = async (): Promise<void> => {
    let backoffMs = BACKOFF_FIRST_MS
    while (true) {
      const startedAt = Date.now()
      const reason = await ended(child)
      if (stopping) return
      if (Date.now() - startedAt > STEADY_AFTER_MS) backoffMs = BACKOFF_FIRST_MS
      options.onRestart(`${options.command} ended (${reason}); starting it again`)
      await sleep(backoffMs)
      if (stopping) return
      backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS)
      child = launch(options)
    }
  }
  const done = keepAlive()
  return {
    stop: async () => {
      stopping = true
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM')
        const killer = setTimeout(() => child.kill('SIGKILL'), STOP_KILL_AFTER_MS)
        await ended(child)
        clearTimeout(killer)
      }
      await done
    }
  }
}

/** In its own process group, so that Ctrl-C reaches the supervisor alone and order is kept. */
function launch ({ command, args, env }: SuperviseOptions): ChildProcess {
  const main = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './main.ts' : './main.js',
    import.meta.url))
  return fork(main, [command, ...args], {
    env, detached: true, stdio: ['ignore', 'inherit', 'inherit', 'ipc']
  })
}

function ended (child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    const say = (): void => {
      resolve(child.signalCode ?? `exit code ${child.exitCode ?? 'unknown'}`)
    }
    if (child.exitCode !== null || child.signalCode !== null) say()
    else child.once('exit', say)
  })
}

async function ready (child: ChildProcess, command: string): Promise<void> {
  const isReady = new Promise<undefined>((resolve) => {
    child.on('message', (message: { type?: unknown }) => {
      if (message.type === 'ready') resolve(undefined)
    })
  })
  const reason = await Promise.race([isReady, ended(child)])
  if (reason === undefined) return
  throw new LedgerError('INTERNAL', `${command} could not start (${reason}); it said why above`)
}
