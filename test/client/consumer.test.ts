import { execFile } from 'node:child_process'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { packageFile } from '../../src/paths.ts'
import { testFolder } from '../helper.ts'
import { scripted } from './scripted.ts'

const run = promisify(execFile)
const root = packageFile('.')

const CONSUMER = `
import fastify from 'fastify'
import {
  auditMiddleware, buffered, createClient, mosaic, redact, RefusedError, truledgr,
  type Client, type EventInput, type Receipt
} from 'audit-ledger/client'
import { auditLedger } from 'audit-ledger/client/fastify'

const client: Client = createClient({ url: String(process.argv[2]), key: 'al_test_1' })
const event: EventInput = {
  action: 'order.updated',
  category: 'change',
  actor: { type: 'user', id: 'u-81' },
  entity: { type: 'order', id: '456' },
  outcome: 'success',
  data: { operation: 'update', anything: 1 }
}
const receipt: Receipt = await client.append(event)
const position: string = receipt.position
await client.auth('auth.login', { actor: { type: 'user', id: 'u' }, data: { mfa: true } })
await mosaic(client).logTaskAssigned({ userId: 'u', taskId: 't', assigneeId: 'v' })
await truledgr(buffered(client)).logDataAccess({ tableName: 'users', operation: 'read' })
const outcomes = await client.appendAll([event])
for (const outcome of outcomes) {
  if (!outcome.ok && outcome.error instanceof RefusedError) outcome.error.violations[0]?.pointer
}
const app = fastify()
await app.register(auditLedger, { client, actor: (request) => ({ type: 'user', id: request.id }) })
auditMiddleware({ client, actor: ({ ip }) => ({ type: 'service', id: ip ?? 'unknown' }) })
redact({ password: 'x' }, { paths: ['/a/*'] })

// @ts-expect-error: the category decides what its data are
const wrong: EventInput = { ...event, category: 'auth', data: { mfa: 'yes' } }
// @ts-expect-error: an actor of type user has an id
await client.action('x.done', { actor: { type: 'user' } }).catch(() => wrong)

// Recorded and not flushed: a process that ends by itself has sent everything.
await client.record({ ...event, description: 'the last one' })
console.log(typeof position, client.stats().recorded)
`

t.test('a consumer of the built package compiles, runs and ends', async (t) => {
  const folder = await testFolder(t)
  const modules = path.join(folder, 'node_modules')
  await mkdir(modules)
  await symlink(root, path.join(modules, 'audit-ledger'))
  for (const name of ['fastify', '@types']) {
    await symlink(path.join(root, 'node_modules', name), path.join(modules, name))
  }
  await writeFile(path.join(folder, 'package.json'), '{ "type": "module" }')
  await writeFile(path.join(folder, 'main.ts'), CONSUMER)
  const options = ['--target', 'es2022', '--module', 'nodenext', '--strict', '--types', 'node']
  for (const compiler of ['tsc', 'tsc6']) {
    const program = path.join(root, 'node_modules/.bin', compiler)
    const compiled = await run(program, [...options, '--skipLibCheck', 'main.ts'], { cwd: folder })
      .catch((err: { stdout: string }) => err)
    t.equal(compiled.stdout, '', compiler)
  }
  const { url, seen } = await scripted(t, [])
  const { stdout } = await run(process.execPath, ['main.js', url], { cwd: folder })
  t.match(stdout, /\d\n$/)
  t.equal(seen.at(-1)?.events.at(-1)?.description, 'the last one')
})

t.test('the declarations need nothing but themselves and Node', async (t) => {
  const folder = await testFolder(t)
  await mkdir(path.join(folder, 'node_modules'))
  await symlink(root, path.join(folder, 'node_modules/audit-ledger'))
  await symlink(path.join(root, 'node_modules/@types'), path.join(folder, 'node_modules/@types'))
  await writeFile(path.join(folder, 'package.json'), '{ "type": "module" }')
  await writeFile(path.join(folder, 'main.ts'),
    'import { createClient } from \'audit-ledger/client\'\nexport const make = createClient\n')
  const program = path.join(root, 'node_modules/.bin/tsc')
  const options = ['--noEmit', '--target', 'es2022', '--module', 'nodenext', '--strict',
    '--exactOptionalPropertyTypes', '--types', 'node', '--listFiles', 'main.ts']
  const { stdout } = await run(program, options, { cwd: folder })
    .catch((err: { stdout: string }) => err)
  t.notMatch(stdout, /error TS/, 'also with its declarations checked')
  t.notMatch(stdout, /typebox|fastify/, 'no types of other packages come with them')
})
