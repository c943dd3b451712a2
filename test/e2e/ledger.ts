import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Test } from 'tap'
import { faultProxy, type FaultProxy } from '../fault-proxy.ts'
import { testDatabase, testFolder, testNode, type TestNode } from '../helper.ts'
import { eventually, freePort, runCommand, type RunningCommand } from './command.ts'
import { client, type Client } from './http.ts'

/** A ledger as one runs it on servers of one's own, each of them behind something that breaks. */
export interface TestLedger {
  apis: Array<{ address: string, command: RunningCommand }>
  workers: RunningCommand[]
  databaseProxy: FaultProxy
  logProxy: FaultProxy
  node: TestNode
  /** As the owner, around the proxy. */
  databaseUrl: string
  env: NodeJS.ProcessEnv
  admin: Client
  startWorker: () => RunningCommand
}

/** Migrates, then runs that many API processes and workers, and waits until they are ready. */
export async function testLedger (
  t: Test, counts: { apis: number, workers: number, logLevel?: string, nodeOptions?: string }
): Promise<TestLedger> {
  const [database, node, data] = [await testDatabase(t), await testNode(t), await testFolder(t)]
  const databaseUrl = new URL(database.url)
  const databaseProxy = await faultProxy(t, Number(databaseUrl.port))
  const logProxy = await faultProxy(t, node.port)
  databaseUrl.port = String(databaseProxy.port)
  const env = {
    DATABASE_URL: databaseUrl.href,
    EVENTSTORE_URL: `esdb://127.0.0.1:${logProxy.port}?tls=false`,
    LEDGER_DATA: data,
    LEDGER_LOG_LEVEL: counts.logLevel ?? 'error',
    ...(counts.nodeOptions !== undefined && { NODE_OPTIONS: counts.nodeOptions })
  }
  const migrated = runCommand(t, ['migrate'], env)
  if (await migrated.ended !== 0) throw new Error(migrated.said())

  const startWorker = () => runCommand(t, ['work'], env)
  const workers = Array.from({ length: counts.workers }, startWorker)
  const apis = await Promise.all(Array.from({ length: counts.apis }, async () => {
    const port = await freePort()
    const command = runCommand(t, ['serve', '--port', String(port)], env)
    return { address: `http://127.0.0.1:${port}`, command }
  }))
  const key = (await readFile(path.join(data, 'admin.key'), 'utf8')).trim()
  for (const { address } of apis) {
    await eventually(async () => (await client(address, key).get('/readyz')).status,
      (status) => status === 200, 60_000)
  }
  const admin = client(apis[0]?.address ?? '', key)
  return {
    apis, workers, databaseProxy, logProxy, node, databaseUrl: database.url, env, admin, startWorker
  }
}

/** A new tenant and the text of a key that appends and reads there. */
export async function testTenant (ledger: TestLedger): Promise<{ tenant: string, key: string }> {
  const tenant = `t-${randomUUID().slice(0, 8)}`
  const made = await ledger.admin.post('/v1/tenants', { id: tenant })
  if (made.status !== 201) throw new Error(made.text)
  const issued = await ledger.admin.post('/v1/api-keys', {
    tenant, name: 'test', roles: ['producer', 'auditor']
  })
  if (issued.status !== 201) throw new Error(issued.text)
  return { tenant, key: (issued.json() as { secret: string }).secret }
}

/** A small valid event of an order. */
export function orderEvent (id: string, order: string): Record<string, unknown> {
  return {
    id,
    action: 'order.updated',
    category: 'change',
    outcome: 'success',
    actor: { type: 'user', id: 'u-1' },
    entity: { type: 'order', id: order },
    after: { status: 'paid' }
  }
}
