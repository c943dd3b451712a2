import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** A process of the bench's own. */
export interface Child {
  readonly pid: number
  /** What it said when it was ready. */
  readonly ready: Readonly<Record<string, unknown>>
  /** Sends a message and waits for the first answer that fits; rejects when the child ends. */
  ask<Reply> (message: object, fits: (reply: Reply) => boolean): Promise<Reply>
  stop (): Promise<void>
}

const READY_WITHIN_MS = 20_000
const STOP_WITHIN_MS = 5_000

/** Runs a module of this folder, named without its ending; resolves when it says it is ready. */
export async function startChild (name: string, args: readonly string[] = []): Promise<Child> {
  const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js'
  const path = fileURLToPath(new URL(`./${name}${ending}`, import.meta.url))
  const child = fork(path, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const ready = await firstMessage<Record<string, unknown>>(child, {
    fits: (message) => message['type'] === 'ready', withinMs: READY_WITHIN_MS, name
  })
  return {
    pid: child.pid ?? 0,
    ready,
    async ask<Reply> (message: object, fits: (reply: Reply) => boolean): Promise<Reply> {
      child.send(message)
      return await firstMessage<Reply>(child, { fits, name })
    },
    stop: () => stopProcess(child)
  }
}

interface Wait<Message> {
  readonly fits: (message: Message) => boolean
  readonly name: string
  readonly withinMs?: number
}

function firstMessage<Message> (child: ChildProcess, wait: Wait<Message>): Promise<Message> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      child.off('message', onMessage)
      child.off('exit', onExit)
      clearTimeout(late)
    }
    const onMessage = (message: unknown): void => {
      if (!wait.fits(message as Message)) return
      done()
      resolve(message as Message)
    }
    const fail = (said: string): void => { done(); reject(new Error(`${wait.name} ${said}`)) }
    const onExit = (code: number | null): void => { fail(`ended (exit code ${code})`) }
    const late = wait.withinMs === undefined
      ? undefined
      : setTimeout(() => { child.kill('SIGKILL'); fail('is not ready in time') }, wait.withinMs)
    child.on('message', onMessage)
    child.on('exit', onExit)
  })
}

/** Asks the process to end, and makes it after a while; resolves when it is gone. */
export async function stopProcess (
  child: ChildProcess, withinMs: number = STOP_WITHIN_MS
): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const late = setTimeout(() => child.kill('SIGKILL'), withinMs)
  await gone
  clearTimeout(late)
}
