import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { appendFileSync, truncateSync, statSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { createLog } from '../../src/ledger/client.ts'
import type { Log } from '../../src/ledger/log.ts'
import { testFolder } from '../helper.ts'
import { freePort, MAIN, runCommand } from './command.ts'

const BLOCK_BYTES = 512
const FILE_MAX_BLOCKS = 512

interface Acknowledged { stream: string, revision: bigint }

/** Appends until an append is not acknowledged, or the count is reached. */
async function appendUntilRefused (log: Log, count: number): Promise<Acknowledged[]> {
  const acknowledged: Acknowledged[] = []
  for (let index = 0; index < count; index++) {
    const stream = `t.order-${index % 7}`
    const revision = BigInt(Math.floor(index / 7))
    const event = { id: randomUUID(), type: 'order.updated', data: { text: 'x'.repeat(900) } }
    const outcome = await log.append(stream, [event], revision === 0n ? undefined : revision - 1n)
    if (outcome.kind !== 'appended') break
    acknowledged.push({ stream, revision })
  }
  return acknowledged
}

async function readBack (log: Log): Promise<Set<string>> {
  const found = new Set<string>()
  for await (const { stream, revision } of log.readAll()) found.add(`${stream} ${revision}`)
  return found
}

const logOf = (port: number): Log => createLog({
  url: `esdb://127.0.0.1:${port}?tls=false`, appendTimeoutMs: 1_000, readTimeoutMs: 5_000
})

t.test('a full disk ends the node, and loses nothing acknowledged', async (t) => {
  const data = await testFolder(t)
  const port = await freePort()
  // A limit on the size of a file is a disk that is full, for the node.
  const child = spawn('sh', ['-c',
    `trap '' XFSZ; ulimit -f ${FILE_MAX_BLOCKS}; exec "$0" "$@"`,
    process.execPath, MAIN, 'node', '--data', data, '--port', String(port)
  ], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => { said += chunk.toString() })
  const ended = new Promise<number | null>((resolve) => { child.once('exit', resolve) })
  t.teardown(() => child.kill('SIGKILL'))
  await new Promise((resolve) => child.stdout.once('data', resolve))

  const limited = logOf(port)
  const acknowledged = await appendUntilRefused(limited, 10 * FILE_MAX_BLOCKS)
  await limited.close()
  t.ok(acknowledged.length > 100, `${acknowledged.length} acknowledged before it was full`)
  t.ok(acknowledged.length < FILE_MAX_BLOCKS * BLOCK_BYTES / 900, 'then it was refused')
  t.equal(await ended, 1)
  t.match(said, /the log cannot be written: \S/, 'it says why')

  const again = runCommand(t, ['node', '--data', data, '--port', String(port)])
  await again.until('listens at')
  const log = logOf(port)
  const found = await readBack(log)
  const lost = acknowledged.filter(({ stream, revision }) => !found.has(`${stream} ${revision}`))
  t.strictSame(lost, [])
  await log.close()
})

t.test('check tells a whole log from a damaged one', async (t) => {
  const data = await testFolder(t)
  const port = await freePort()
  const node = runCommand(t, ['node', '--data', data, '--port', String(port)])
  await node.until('listens at')
  const log = logOf(port)
  t.equal((await appendUntilRefused(log, 50)).length, 50)
  await log.close()

  const second = runCommand(t, ['node', '--data', data, '--port', '0'])
  t.not(await second.ended, 0, 'one folder, one node')
  node.child.kill('SIGTERM')
  t.equal(await node.ended, 0)

  const whole = runCommand(t, ['node', 'check', data])
  t.equal(await whole.ended, 0)
  t.match(whole.said(), /5\d events in \d+ streams[^]*Every frame is whole/)

  const [, file = ''] = /^(.+): \d+ bytes/m.exec(whole.said()) ?? []
  const { size } = statSync(file)
  truncateSync(file, Math.floor(size / 2))
  appendFileSync(file, Buffer.alloc(size - Math.floor(size / 2), 0x5a))
  const damaged = runCommand(t, ['node', 'check', data])
  await damaged.ended
  t.notMatch(damaged.said(), /5\d events in/, `it no longer counts them: ${path.basename(file)}`)
})

t.test('migrate-log copies a log and says so; a second run copies nothing', async (t) => {
  const ports = [await freePort(), await freePort()] as const
  for (const port of ports) {
    const data = await testFolder(t)
    await runCommand(t, ['node', '--data', data, '--port', String(port)]).until('listens at')
  }
  const source = logOf(ports[0])
  t.equal((await appendUntilRefused(source, 100)).length, 100)
  const urls = ports.map((port) => `esdb://127.0.0.1:${port}?tls=false`)
  const migrate = async (): Promise<string> => {
    const command = runCommand(t, ['migrate-log', '--from', `${urls[0]}`, '--to', `${urls[1]}`])
    t.equal(await command.ended, 0, command.said())
    return command.said()
  }
  t.match(await migrate(), /^100 events copied, 100 are the same in both logs/m)
  t.match(await migrate(), /^0 events copied, 100 are the same in both logs/m)
  const target = logOf(ports[1])
  t.strictSame(await readBack(target), await readBack(source))
  await Promise.all([source.close(), target.close()])
})

t.test('a node that would be open to strangers is refused with a sentence', async (t) => {
  const data = await testFolder(t)
  for (const args of [['--host', '0.0.0.0'], ['--user', 'ada'], ['--port', 'x']]) {
    const command = runCommand(t, ['node', '--data', data, ...args])
    t.not(await command.ended, 0)
    t.notMatch(command.said(), /\n\s+at /, `no stack: ${args.join(' ')}`)
  }
})
