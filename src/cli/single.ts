import { createHash } from 'node:crypto'
import { unlink } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { LedgerError } from '../errors.ts'

/**
 * Makes this process the only one that runs a ledger on the folder; the result gives it up again.
 * Held by a local socket and not by a file: a process that is killed holds nothing, and no other
 * process can be mistaken for it. Throws CONFIG_INVALID if somebody else holds it.
 */
export async function holdAlone (dataDir: string): Promise<() => Promise<void>> {
  const name = `audit-ledger-${createHash('sha256').update(dataDir).digest('hex').slice(0, 24)}`
  const address = process.platform === 'win32'
    ? `\\\\.\\pipe\\${name}`
    : path.join(tmpdir(), `${name}.sock`)
  const server = await listen(address) ?? await listenAfterCleaning(address)
  if (server === undefined) {
    throw new LedgerError('CONFIG_INVALID',
      `another audit-ledger already runs on ${dataDir}; stop it or choose another --data folder`)
  }
  return () => new Promise((resolve) => { server.close(() => { resolve() }) })
}

/** Undefined if the address is taken, by a living process or by a dead one's file. */
function listen (address: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => { socket.destroy() })
    server.once('error', (err: NodeJS.ErrnoException) => {
      if (err.code === 'EADDRINUSE') resolve(undefined)
      else reject(err)
    })
    server.listen(address, () => {
      server.unref()
      resolve(server)
    })
  })
}

async function listenAfterCleaning (address: string): Promise<Server | undefined> {
  if (await answers(address)) return undefined
  await unlink(address).catch(() => {})
  return await listen(address)
}

function answers (address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => { resolve(false) })
  })
}
