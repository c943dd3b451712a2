import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { KEY_TTL_MS } from '../../src/privacy/vault.ts'
import { eventually, freePort, runCommand } from '../e2e/command.ts'
import { allPages, client } from '../e2e/http.ts'
import { testLedger, testTenant } from '../e2e/ledger.ts'
import { wrappedKeys } from '../e2e/scan.ts'
import { faultProxy } from '../fault-proxy.ts'

/** Appends that are under way when the process is frozen. */
const UNDER_WAY = 5

t.test('what a process frozen over an order appends is late and never opened', async (t) => {
  const ledger = await testLedger(t, { apis: 1, workers: 1 })
  const { tenant, key } = await testTenant(ledger)
  const issued = await ledger.admin.post('/v1/api-keys', {
    tenant, name: 'compliance', roles: ['compliance']
  })
  const { secret } = issued.json() as { secret: string }
  const compliance = client(ledger.apis[0]?.address ?? '', secret)

  const logProxy = await faultProxy(t, ledger.node.port)
  const port = await freePort()
  const address = `http://127.0.0.1:${port}`
  const serve = runCommand(t, ['serve', '--port', String(port)], {
    ...ledger.env, EVENTSTORE_URL: `esdb://127.0.0.1:${logProxy.port}?tls=false`
  })
  t.teardown(() => { serve.child.kill('SIGCONT') })
  await eventually(async () => (await client(address, key).get('/readyz')).status,
    (status) => status === 200, 60_000)
  // Longer than it will be frozen.
  const append = async (order: string): Promise<{ status: number, id: string }> => {
    const answer = await fetch(`${address}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(eventOf(canary, order)),
      signal: AbortSignal.timeout(5 * KEY_TTL_MS)
    })
    return { status: answer.status, id: (await answer.json() as { id: string }).id }
  }
  const canary = `cnry-${randomBytes(6).toString('hex')}`
  const refOf = async (id: string): Promise<string> => {
    const raw = await eventually(async () => await compliance.get(`/v1/events/${id}/raw`),
      ({ status }) => status === 200)
    return (raw.json() as { data: { actor: { ref: string } } }).data.actor.ref
  }
  const first = await append('first')
  t.equal(first.status, 201)
  const ref = await refOf(first.id)

  logProxy.faults.blackHole = true
  const appending = Array.from({ length: UNDER_WAY }, async (_, n) => await append(`late-${n}`))
  await sleep(1_000)
  serve.child.kill('SIGSTOP')
  const asked = await eventually(async () => await compliance.post('/v1/erasures', {
    subject: { type: 'user', id: canary }, legalBasis: 'art. 17', reason: 'asked'
  }), ({ status }) => status !== 404)
  t.equal(asked.status, 202, asked.text)
  const { id: erasure } = asked.json() as { id: string }
  const look = async () => (await compliance.get(`/v1/erasures/${erasure}`)).json() as {
    state: string, lateEvents: number
  }
  const waited = Date.now()
  await eventually(look, ({ state }) => state === 'executed', KEY_TTL_MS + 60_000)
  t.ok(Date.now() - waited > KEY_TTL_MS / 2, 'its keys had to be out of date first')
  t.match(await look(), { lateEvents: 0 })

  logProxy.faults.blackHole = false
  serve.child.kill('SIGCONT')
  logProxy.cut()
  const late = await Promise.all(appending)
  t.strictSame(late.map(({ status }) => status), Array(UNDER_WAY).fill(201), 'acknowledged')
  for (const { id } of late) t.equal(await refOf(id), ref, 'sealed under the key of before')
  t.match(await eventually(look, ({ lateEvents }) => lateEvents === UNDER_WAY),
    { lateEvents: UNDER_WAY })
  t.strictSame(await wrappedKeys(ledger.databaseUrl, tenant), [], 'nothing opens them')
  for (const reader of [compliance, client(address, secret)]) {
    const listed = await allPages(reader, '/v1/events?action=order.updated')
    t.equal(listed.length, 1 + UNDER_WAY)
    for (const item of listed) t.match(item, { actor: { type: 'user', erased: true, erasure } })
    t.notMatch(JSON.stringify(listed), canary)
    t.equal((await reader.get(`/v1/users/${canary}/events`)).status, 404)
  }

  const back = await append('back')
  t.equal(back.status, 201)
  t.not(await refOf(back.id), ref, 'who comes back is somebody new, for that process too')
  t.comment(`${UNDER_WAY} appends under way, ${(await look()).lateEvents} late, 0 opened`)
  t.match(await look(), { lateEvents: UNDER_WAY })
})

function eventOf (user: string, order: string): object {
  return {
    action: 'order.updated',
    category: 'change',
    outcome: 'success',
    actor: { type: 'user', id: user, name: `${user}-name` },
    entity: { type: 'order', id: order },
    after: { status: 'paid' }
  }
}
