import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { SERVER_TENANT } from '../../schemas/primitives.ts'
import { createPool } from '../../src/postgres/pool.ts'
import { COSIGNATURE, formatVerifierKey, signerFrom } from '../../src/proof/keys.ts'
import { fileSealingKeys } from '../../src/worker/sealing-key.ts'
import { testFolder } from '../helper.ts'
import { cutLog, editLog } from '../tamper-log.ts'
import { eventually, freePort, runCommand } from './command.ts'
import { client } from './http.ts'
import { orderEvent, testLedger, testTenant } from './ledger.ts'

const KILLS = 3
const PROVEN = { prefer: 'wait=20; until=proven' }

const ledger = await testLedger(t, { apis: 1, workers: 1 })
const { tenant, key } = await testTenant(ledger)
const address = ledger.apis[0]?.address ?? ''
const api = client(address, key)
const folder = await testFolder(t)
const append = async (order: string, headers = {}) =>
  await api.post('/v1/events', orderEvent(randomUUID(), order), headers)
await append('first', PROVEN)

const keys = await fileSealingKeys(join(ledger.env['LEDGER_DATA'] ?? '', 'sealing.key'))
const vkeyOf = async (name: string): Promise<string> =>
  formatVerifierKey((await keys.signers(`audit-ledger/${name}`)).current.key)
const port = await freePort()
const startWitness = () => runCommand(t, [
  'witness', '--data', join(folder, 'witness'), '--name', 'w.example/1', '--port', String(port),
  '--logs', join(folder, 'logs.txt'), '--log-level', 'error'
])
await writeFile(join(folder, 'logs.txt'),
  `log ${await vkeyOf(tenant)}\nlog ${await vkeyOf(SERVER_TENANT)}\n`)
let witness = startWitness()
await witness.until('Its key: ')
const witnessKey = /Its key: (\S+)/.exec(witness.said())?.[1] ?? ''
await writeFile(join(folder, 'witnesses.txt'),
  `witness one ${witnessKey} http://127.0.0.1:${port}\nquorum one\n`)
await writeFile(join(folder, 'api.key'), key, { mode: 0o600 })
ledger.env['WITNESSES_FILE'] = join(folder, 'witnesses.txt')

let [worker] = ledger.workers
async function killWorker (): Promise<void> {
  worker?.child.kill('SIGKILL')
  await worker?.ended
}
const startWorker = (): void => { worker = ledger.startWorker() }

async function verify (what: string, ...more: string[]) {
  const command = runCommand(t, ['verify', what, '--key', await vkeyOf(tenant), ...more])
  return { code: await command.ended, said: command.said() }
}
const verifyLive = async (...more: string[]) =>
  await verify(address, '--api-key', join(folder, 'api.key'), ...more)

/** Waits until the last checkpoint that is served has all leaves and is cosigned. */
async function cosigned (): Promise<string> {
  const proof = await append('last', PROVEN)
  const { size } = (proof.json() as { proof: { size: string } }).proof
  const { text } = await eventually(async () => await api.get('/v1/checkpoint'), ({ text }) =>
    text.includes('\u2014 w.example/1 ') && Number(text.split('\n')[1]) >= Number(size))
  return text
}

t.test('killed at any moment, the worker seals on, and every head is cosigned', async (t) => {
  for (let kill = 0; kill < KILLS; kill++) {
    await killWorker()
    startWorker()
    const stop = Date.now() + 1_500 + kill * 210
    while (Date.now() < stop) await append(`order-${kill}`)
  }
  await cosigned()
  const live = await verifyLive('--witness', witnessKey)
  t.match(live, { code: 0, said: /^OK audit-ledger\/t-\S+: \d+ leaves of the log/m })
  const { text } = await api.get('/v1/entities/order/order-0/proof')
  const file = join(folder, 'order.bundle')
  await writeFile(file, text)
  t.match(await verify(file, '--witness', witnessKey, '--quorum', '1'), { code: 0 })
  const stranger = formatVerifierKey(signerFrom('x', COSIGNATURE, Buffer.alloc(32, 5)).key)
  t.match(await verify(file, '--witness', stranger), { code: 1, said: /FAULT no-quorum/ })
  t.match(await verifyLive('--witness', stranger), { code: 1, said: /FAULT no-quorum: no check/ })
  t.match(await verify(file, '--witness', `${witnessKey},${stranger}`, '--quorum', '1'),
    { code: 0 })
  t.match(await verify(file, '--witness', await vkeyOf(tenant)), { code: 2 })
})

t.test('a witness that is away is a state, and no reason to stop', async (t) => {
  witness.child.kill('SIGKILL')
  await witness.ended
  t.equal((await append('away', PROVEN)).status, 201)
  const ready = await eventually(async () => (await api.get('/readyz')).json(), (said) =>
    (said as { status: string }).status === 'degraded')
  t.match(ready, { witnesses: { problem: '1 of 1 witnesses do not cosign' } })
  t.match((await api.get('/metrics')).text, /^ledger_witnesses_away 1$/m)
  witness = startWitness()
  await cosigned()
  await eventually(async () => (await api.get('/readyz')).json(), (said) =>
    (said as { status: string }).status === 'ready')
})

t.test('a log file that is edited, checksum and all, is found by verify', async (t) => {
  await killWorker()
  await editLog(ledger.node.dataDir, '"status":"paid"', '"status":"open"')
  await ledger.node.restart()
  const { code, said } = await eventually(async () => await verifyLive(), ({ said }) =>
    said.includes('NOT OK'))
  t.equal(code, 1)
  t.match(said, /FAULT tampered: leaf \d+ of the log is not the one that was signed/)
  await editLog(ledger.node.dataDir, '"status":"open"', '"status":"paid"')
  await ledger.node.restart()
  await eventually(async () => await verifyLive(), ({ code }) => code === 0)
})

t.test('cutting the end off log and rows is found by whoever saw more', async (t) => {
  const kept = join(folder, 'kept.txt')
  await writeFile(kept, (await api.get('/v1/checkpoint')).text)
  await cutLog(ledger.node.dataDir, '"order-2"')
  await ledger.node.restart()
  const pool = createPool({ url: ledger.databaseUrl, role: 'ledger_worker', max: 1 })
  t.teardown(async () => { await pool.end() })
  const { rows } = await pool.query<{ schema: string }>(
    "select name || '_v' || version || '_g' || generation as schema from control.projection")
  for (const { schema } of rows) await pool.query(`drop schema ${schema} cascade`)
  await pool.query('delete from control.projection')
  startWorker()
  const ready = await eventually(async () => (await api.get('/readyz')).json(), (said) =>
    JSON.stringify(said).includes('a witness has seen'), 60_000)
  t.match(ready, { status: 'degraded', integrity: { status: 'failed' } })
  const found = await eventually(async () => await api.get(
    '/v1/events?action=ledger.inconsistency_found'), ({ text }) => text.includes('has cosigned'))
  t.match(found.text, /one has cosigned \d+ leaves of \S+, which the log does not have/)
  const live = await verifyLive('--against', kept)
  t.equal(live.code, 1)
  t.match(live.said, /FAULT stale: .* is older than the known/)
})
