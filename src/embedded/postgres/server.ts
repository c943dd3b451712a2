import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, renameSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Account } from './account.ts'
import type { Binaries } from './binaries.ts'
import { childOptions } from './child.ts'
import { disownLock, isRunning, readPostmaster, serves } from './postmaster.ts'
import { settingArguments } from './settings.ts'

export interface Launch {
  readonly binaries: Binaries
  readonly account: Account
  /** The data folder, free of links. */
  readonly place: string
  readonly logFile: string
  /** 0 = any free one. */
  readonly port: number
  readonly settings: Readonly<Record<string, string>>
  readonly say: (message: string) => void
}

export interface Server { readonly pid: number, readonly port: number, readonly adopted: boolean }

/** For so long a dead server may hold its lock: as a zombie, or by its last busy backend. */
const LOCK_WAIT_MS = 10_000
/** Recovery reads back at most `max_wal_size` of log; this is far beyond it. */
const READY_WAIT_MS = 600_000
const LOG_MAX_BYTES = 8 * 1_048_576

/** The server of the data folder: the one that already runs there, else a new one. */
export async function launch (options: Launch): Promise<Server> {
  const giveUpAt = Date.now() + LOCK_WAIT_MS
  for (let pauseMs = 25; ; pauseMs = Math.min(2 * pauseMs, 1_000)) {
    const running = await adopt(options)
    if (running !== undefined) return running
    const port = options.port === 0 ? await freePort() : options.port
    const outcome = await begin(options, port)
    if (typeof outcome !== 'string') return outcome
    if (!isPassing(outcome, options.port) || Date.now() > giveUpAt) {
      throw new Error(explain(outcome, options))
    }
    await sleep(pauseMs)
  }
}

/** An orphan of a launcher that was killed goes on serving. One that is ending is waited for. */
async function adopt (options: Launch): Promise<Server | undefined> {
  const giveUpAt = Date.now() + READY_WAIT_MS
  for (;;) {
    const found = await readPostmaster(options.place)
    if (found === undefined) return undefined
    if (!serves(found.pid, options.place)) {
      if (isRunning(found.pid)) await disownLock(options.place)
      return undefined
    }
    if (found.status === 'ready') return { pid: found.pid, port: found.port, adopted: true }
    if (Date.now() > giveUpAt) throw new Error(`Postgres (process ${found.pid}) is ${found.status}`)
    await sleep(25)
  }
}

/** Starts a server; answers what it said if it ended before it was ready. */
async function begin (options: Launch, port: number): Promise<Server | string> {
  const { child, logStart } = spawnServer(options, port)
  const startedAt = Date.now()
  let nextWordAt = startedAt + 2_000
  while (child.exitCode === null && child.signalCode === null) {
    const found = await readPostmaster(options.place)
    if (found?.pid === child.pid && found?.status === 'ready') {
      return { pid: found.pid, port, adopted: false }
    }
    if (Date.now() > nextWordAt) {
      options.say('Postgres is recovering from a crash')
      nextWordAt += 5_000
    }
    if (Date.now() > startedAt + READY_WAIT_MS) child.kill('SIGQUIT')
    await sleep(10)
  }
  return (await readFile(options.logFile, 'utf8')).slice(logStart).trim()
}

/**
 * A process of its own: Ctrl-C in the terminal must reach us first, not the database under us.
 * It does not keep Node alive.
 */
function spawnServer (options: Launch, port: number): { child: ChildProcess, logStart: number } {
  const { log, logStart } = openLog(options.logFile)
  try {
    const args = [
      '-D', options.place, '-p', String(port), '-c', `unix_socket_directories=${options.place}`,
      ...settingArguments(options.settings)
    ]
    const child = spawn(join(options.binaries.bin, 'postgres'), args, {
      ...childOptions(options.account), detached: true, stdio: ['ignore', log, log]
    })
    child.once('error', () => {})
    if (child.pid === undefined) throw new Error(`cannot run ${options.binaries.bin}/postgres`)
    child.unref()
    return { child, logStart }
  } finally {
    closeSync(log)
  }
}

function openLog (path: string): { log: number, logStart: number } {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (size > LOG_MAX_BYTES) renameSync(path, `${path}.old`)
  return { log: openSync(path, 'a', 0o600), logStart: size > LOG_MAX_BYTES ? 0 : size }
}

/** Whether trying again may help. */
function isPassing (said: string, port: number): boolean {
  if (/lock file ".*" already exists|pre-existing shared memory block/.test(said)) return true
  return port === 0 && /could not bind|could not create any TCP/.test(said)
}

function explain (said: string, options: Launch): string {
  if (/could not bind|could not create any TCP/.test(said)) {
    return `Postgres cannot listen on port ${options.port} of 127.0.0.1: is it in use?`
  }
  const last = said.split('\n').slice(-10).join('\n')
  return `Postgres did not start on ${options.place} (log: ${options.logFile}):\n${last}`
}

async function freePort (): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return address !== null && typeof address === 'object' ? address.port : 0
}
