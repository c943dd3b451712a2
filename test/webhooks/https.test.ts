import { fork } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { TLSSocket } from 'node:tls'
import t from 'tap'
import { packageFile } from '../../src/paths.ts'

const fixture = (name: string): string =>
  packageFile(path.join('test/fixtures/webhooks', name))

const named: unknown[] = []
const server = https.createServer({
  key: await readFile(fixture('localhost.key')), cert: await readFile(fixture('localhost.crt'))
}, (request, response) => {
  if (request.socket instanceof TLSSocket) named.push(Reflect.get(request.socket, 'servername'))
  response.writeHead(204).end()
})
await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
t.teardown(() => { server.close() })
const { port } = server.address() as AddressInfo

/** An attempt in a process that trusts the certificate, or does not. */
async function attempt (host: string, trusted: boolean): Promise<unknown> {
  const child = fork(path.join(import.meta.dirname, 'https-child.js'), [`https://${host}:${port}/`], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: trusted ? fixture('localhost.crt') : '' }
  })
  return await new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('exit', (code) => { reject(new Error(`ended with ${code}`)) })
  })
}

t.test('the address is connected to, and the certificate has to be the name\'s', async (t) => {
  t.match(await attempt('localhost', true), { delivered: true, status: 204 })
  t.strictSame(named, ['localhost'])
  t.match(await attempt('127.0.0.1', true), {
    delivered: false, error: 'no answer: ERR_TLS_CERT_ALTNAME_INVALID'
  })
})

t.test('a certificate that nobody vouches for is refused', async (t) => {
  t.match(await attempt('localhost', false), {
    delivered: false, error: 'no answer: DEPTH_ZERO_SELF_SIGNED_CERT'
  })
})
