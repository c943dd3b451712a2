import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { EventStoreDBClient, type Credentials } from '@eventstore/db-client'
import t, { type Test } from 'tap'
import { startNode } from '../../../src/embedded/eventstore/node.ts'
import { all, event, failure } from './given-node.ts'

const admin = { username: 'admin', password: 'admin:with:colons' }
const alice = { username: 'alice', password: 'a' }
const bob = { username: 'bob', password: 'b' }
const users = [admin, alice, bob].map(({ username, password }) => ({ name: username, password }))
const denied = { type: 'access-denied' }

/** A node with TLS and users; a client per user. */
async function givenSecureNode (t: Test) {
  const dir = t.testdir({ data: {} })
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
    '-nodes', '-keyout', 'key.pem', '-out', 'cert.pem', '-days', '2', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'], { cwd: dir, stdio: 'ignore' })
  const tls = {
    cert: readFileSync(join(dir, 'cert.pem'), 'utf8'),
    key: readFileSync(join(dir, 'key.pem'), 'utf8')
  }
  const node = await startNode({ dataDir: join(dir, 'data'), tls, users })
  const clients: EventStoreDBClient[] = []
  t.teardown(async () => {
    for (const client of clients) await client.dispose()
    await node.stop()
  })
  return {
    as (credentials?: Credentials) {
      const client = new EventStoreDBClient({ endpoint: `localhost:${node.port}` },
        { rootCertificate: Buffer.from(tls.cert) }, credentials)
      clients.push(client)
      return client
    }
  }
}

t.test('over TLS callers are who they say, or nobody', async (t) => {
  const { as } = await givenSecureNode(t)
  t.match(await as(alice).appendToStream('s', event()), { success: true })
  t.equal((await all(as(bob).readStream('s'))).length, 1)
  t.match(await failure(as().appendToStream('s', event())), denied, 'without credentials')
  t.match(await failure(all(as().readStream('s'))), denied)
  for (const password of ['', 'wrong', 'a:', 'A']) {
    const stranger = as({ username: 'alice', password })
    t.match(await failure(all(stranger.readStream('s'))), denied, `password "${password}"`)
  }
  t.match(await failure(all(as({ username: 'carol', password: 'a' }).readStream('s'))), denied)
  t.match(await as(alice).appendToStream('s', event(), { credentials: bob }),
    { success: true }, 'credentials of one call')
})

t.test('streams obey their access lists, system streams are for administrators', async (t) => {
  const { as } = await givenSecureNode(t)
  const [boss, a, b] = [as(admin), as(alice), as(bob)]
  await a.appendToStream('s', event())
  await a.setStreamMetadata('s', {
    acl: { readRoles: ['alice'], writeRoles: ['alice', 'bob'], deleteRoles: ['$admins'] }
  })
  t.equal((await all(a.readStream('s'))).length, 1)
  t.match(await failure(all(b.readStream('s'))), denied)
  t.match(await b.appendToStream('s', event()), { success: true })
  t.match(await failure(a.deleteStream('s')), denied)
  t.match(await failure(a.tombstoneStream('s')), denied)
  t.match(await b.getStreamMetadata('s'), { metadata: { acl: { readRoles: ['alice'] } } })
  await a.setStreamMetadata('s', { acl: { metaReadRoles: ['alice'], metaWriteRoles: ['$admins'] } })
  t.match(await failure(b.getStreamMetadata('s')), denied)
  t.match(await failure(a.setStreamMetadata('s', {})), denied)
  t.match(await failure(a.appendToStream('$mine', event())), denied)
  t.match(await failure(all(a.readAll())), denied, '$all is a system stream')
  t.ok((await all(boss.readAll())).length > 3)
  t.match(await boss.appendToStream('$mine', event()), { success: true })
  t.ok(await boss.deleteStream('s'))
})

t.test('a node that strangers could reach does not start', async (t) => {
  const dataDir = t.testdir()
  const refused = { name: 'UnsafeNodeError' }
  await t.rejects(startNode({ dataDir, host: '0.0.0.0' }), refused)
  await t.rejects(startNode({ dataDir, host: '0.0.0.0', users }), refused)
  await t.rejects(startNode({ dataDir, host: '0.0.0.0', tls: { cert: '', key: '' } }), refused)
  await t.rejects(startNode({ dataDir, users }), /users need TLS/)
})
