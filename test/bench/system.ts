import { spawn, type ChildProcess } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { LedgerAccess, System } from './bench.ts'
import { stopProcess } from './child.ts'
import { childrenOf, environmentOf, type Metered, type Roles } from './cpu.ts'
import { eventSeries, TENANTS } from './generator.ts'
import { call, mustCall, textOf } from './http.ts'
import { nextId } from './load/requests.ts'

export interface LedgerOptions {
  /** What `--data` gets; Postgres runs in it already. */
  readonly dataDir: string
  readonly postgresPid: number
  readonly superuserUrl: string
  /** Told what the ledger says when it cannot start. */
  readonly say: (line: string) => void
}

export interface RunningLedger { readonly system: System, readonly access: LedgerAccess }

const READY_WITHIN_MS = 60_000
const SETTLE_WITHIN_MS = 900_000
const STOP_WITHIN_MS = 15_000

/** Our system as `npm start` runs it: one command that starts API, worker and log node. */
export async function startLedger (options: LedgerOptions): Promise<RunningLedger> {
  const port = await freePort()
  const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))
  const args = [main, 'start', '--data', options.dataDir, '--port', String(port)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const said: string[] = []
  child.stdout.on('data', (bytes: Buffer) => { said.push(bytes.toString()) })
  const address = `http://127.0.0.1:${port}`
  try {
    await untilReady(child, address)
    const admin = bearer((await readFile(join(options.dataDir, 'admin.key'), 'utf8')).trim())
    const credentials = await createTenants(address, admin)
    return {
      system: {
        name: 'ledger',
        port,
        credentials,
        roles: () => rolesOf(child.pid ?? 0, options.postgresPid),
        settle: () => settle(address, credentials),
        stop: () => stopProcess(child, STOP_WITHIN_MS)
      },
      access: {
        address,
        operator: admin,
        databaseUrl: options.superuserUrl,
        logFolder: join(options.dataDir, 'eventstore'),
        environment: () => environmentOf(rolesOf(child.pid ?? 0, 0)['worker']?.pid ?? 0)
      }
    }
  } catch (err) {
    options.say(said.join(''))
    await stopProcess(child, STOP_WITHIN_MS)
    throw err
  }
}

async function untilReady (child: ChildProcess, address: string): Promise<void> {
  const giveUpAt = Date.now() + READY_WITHIN_MS
  while (Date.now() < giveUpAt) {
    if (child.exitCode !== null) throw new Error(`the ledger ended (exit code ${child.exitCode})`)
    const reply = await call(`${address}/readyz`, { credential: '' }).catch(() => undefined)
    if (reply?.status === 200) return
    await sleep(100)
  }
  throw new Error(`the ledger is not ready after ${READY_WITHIN_MS} ms`)
}

function bearer (key: string): string {
  return `authorization: Bearer ${key}\r\n`
}

/** Every tenant of the generator with one key that appends and reads there. */
async function createTenants (address: string, admin: string): Promise<string[]> {
  const credentials: string[] = []
  for (const tenant of TENANTS) {
    await mustCall(`${address}/v1/tenants`, {
      method: 'POST', credential: admin, body: { id: tenant }
    })
    const key = await mustCall(`${address}/v1/api-keys`, {
      method: 'POST',
      credential: admin,
      body: { name: 'bench', roles: ['producer', 'auditor', 'compliance'], tenant }
    })
    credentials.push(bearer(textOf(key.body, 'secret')))
  }
  return credentials
}

/** Which child of the supervisor does what, by how it was called. */
const COMMANDS: ReadonlyArray<readonly [RegExp, string]> = [
  [/ serve\b/, 'service'], [/ work\b/, 'worker'], [/embedded.eventstore/, 'log']
]

function rolesOf (supervisor: number, postgresPid: number): Roles {
  const found = childrenOf(supervisor).flatMap(({ pid, command }): Array<[string, Metered]> => {
    const role = COMMANDS.find(([pattern]) => pattern.test(command))?.[1]
    return role === undefined ? [] : [[role, { pid }]]
  })
  return { ...Object.fromEntries(found), Postgres: { pid: postgresPid, tree: true } }
}

/**
 * Appends one more event and waits until it can be read: what was acknowledged before lies
 * before it in the log, and the read models take the log in order.
 */
async function settle (address: string, credentials: readonly string[]): Promise<number> {
  const startedAt = performance.now()
  const credential = credentials[0] ?? ''
  const body = { ...eventSeries(1)(), id: nextId() }
  const receipt = await mustCall(`${address}/v1/events`, { method: 'POST', credential, body })
  const position = textOf(receipt.body, 'position')
  while (performance.now() - startedAt < SETTLE_WITHIN_MS) {
    const reply = await call(`${address}/v1/events?limit=1`, {
      credential, headers: { 'ledger-at-least': position }
    })
    if (reply.status === 200) return (performance.now() - startedAt) / 1_000
    if (reply.status !== 503) throw new Error(`settling: ${JSON.stringify(reply.body)}`)
    await sleep(50)
  }
  throw new Error(`the read models are not up to date after ${SETTLE_WITHIN_MS} ms`)
}

async function freePort (): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return address !== null && typeof address === 'object' ? address.port : 0
}
