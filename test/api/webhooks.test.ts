import t from 'tap'
import {
  WEBHOOK_FILTER_MAX, WEBHOOK_URL_MAX_LENGTH, WEBHOOKS_MAX
} from '../../schemas/http/webhooks.ts'
import { signatures } from '../../src/webhooks/sign.ts'
import { receiver, type Received } from '../webhooks/receiver.ts'
import { testService, until, type Answer } from './service.ts'

const service = await testService(t)
const { call } = service
const vaultPool = service.database.pool('ledger_vault')
const there = await receiver(t)

async function send (
  method: 'POST' | 'PATCH' | 'DELETE', url: string, payload?: object, key = 'acme.admin'
): Promise<Answer> {
  return await call(key, payload === undefined ? { method, url } : { method, url, payload })
}

async function make (wish: object = {}, key = 'acme.admin'): Promise<Answer> {
  return await send('POST', '/v1/webhooks', { url: there.url, ...wish }, key)
}

async function secretsInVault (): Promise<number> {
  const { rows } = await vaultPool.query("select from vault.key where name like 'webhook/%'")
  return rows.length
}

/** Which of the secrets signed a message. */
function signers (message: Received | undefined, secrets: readonly string[]): string[] {
  const { headers = {}, body = '' } = message ?? {}
  const signed = {
    id: String(headers['webhook-id']), timestamp: Number(headers['webhook-timestamp']), body
  }
  const given = String(headers['webhook-signature']).split(' ')
  return secrets.filter((secret) => {
    const bytes = Buffer.from(secret.slice('whsec_'.length), 'base64')
    return given.includes(signatures([bytes], signed))
  })
}

t.test('a webhook from its making to its end', async (t) => {
  const before = await secretsInVault()
  const made = await make({ filter: { actions: ['order.*'] } })
  t.equal(made.statusCode, 201, made.body)
  const { secret, ...hook } = made.json()
  t.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
  t.match(hook, {
    tenant: 'acme',
    url: there.url,
    filter: { actions: ['order.*'] },
    enabled: true,
    state: 'delivering',
    lastDeliveredPosition: null,
    failingSince: null,
    failures: 0,
    disabledReason: null
  })
  t.equal(made.headers['location'], `/v1/webhooks/${hook.id}`)
  t.equal(await secretsInVault(), before + 1)
  const one = await call('acme.admin', `/v1/webhooks/${hook.id}`)
  t.strictSame(one.json(), hook, 'the secret is shown once')
  const listed = await call('server.admin', '/v1/webhooks?tenant=acme')
  t.strictSame(listed.json().items, [hook])

  const change = { enabled: false, filter: {}, after: '0', url: there.url + '?token=hidden' }
  const changed = await send('PATCH', `/v1/webhooks/${hook.id}`, change)
  t.match(changed.json(), { enabled: false, state: 'disabled', filter: {}, position: '0' })

  const ended = await send('DELETE', `/v1/webhooks/${hook.id}`, undefined, 'server.admin')
  t.equal(ended.statusCode, 200)
  t.equal((await call('acme.admin', `/v1/webhooks/${hook.id}`)).statusCode, 404)
  t.equal(await secretsInVault(), before)

  const history = await until(
    async () => await call('acme.auditor', `/v1/entities/ledger_webhook/${hook.id}/events`),
    (answer) => answer.json().items?.length === 3)
  t.match(history.json().items.map(({ action }: { action: string }) => action),
    ['ledger.webhook_deleted', 'ledger.webhook_updated', 'ledger.webhook_created'])
  t.match(history.json().items[1], {
    before: { origin: new URL(there.url).origin, enabled: true }, after: { enabled: false }
  })
  for (const hidden of ['hidden', '/hook', secret.slice(6)]) t.notOk(history.body.includes(hidden))
})

t.test('what makes no sense is refused, with the place', async (t) => {
  const names = (count: number): string[] => Array.from({ length: count }, (_, n) => `a.b${n}`)
  const long = (length: number): string => 'https://example.com/'.padEnd(length, 'x')
  const rows: ReadonlyArray<readonly [wish: object, pointer: string]> = [
    [{ url: 'http://example.com/' }, '/url'],
    [{ url: 'https://169.254.169.254/' }, '/url'],
    [{ url: 'https://2130706434/' }, '/url'],
    [{ url: 'https://[::ffff:10.0.0.1]/' }, '/url'],
    [{ url: 'https://me:secret@example.com/' }, '/url'],
    [{ url: 'nonsense' }, '/url'],
    [{ url: long(WEBHOOK_URL_MAX_LENGTH + 1) }, '/url'],
    [{ filter: { actions: [] } }, '/filter/actions'],
    [{ filter: { actions: ['Order'] } }, '/filter/actions/0'],
    [{ filter: { actions: names(WEBHOOK_FILTER_MAX + 1) } }, '/filter/actions'],
    [{ filter: { categories: ['nonsense'] } }, '/filter/categories/0'],
    [{ filter: { query: 'x' } }, '/filter/query'],
    [{ after: '-1' }, '/after'],
    [{ after: 1 }, '/after'],
    [{ secret: 'mine' }, '/secret']
  ]
  for (const [wish, pointer] of rows) {
    const answer = await make(wish)
    t.equal(answer.statusCode, 400, JSON.stringify(wish))
    t.match(answer.json().violations, [{ pointer }], answer.body)
  }
  const { id } = (await make({ url: long(WEBHOOK_URL_MAX_LENGTH) })).json()
  const most = await send('PATCH', `/v1/webhooks/${id}`,
    { filter: { actions: names(WEBHOOK_FILTER_MAX) } })
  t.equal(most.statusCode, 200, most.body)
  for (const wish of [{}, { url: 'https://10.0.0.1/' }, { tenant: 'globex' }]) {
    t.equal((await send('PATCH', `/v1/webhooks/${id}`, wish)).statusCode, 400)
  }
  await send('DELETE', `/v1/webhooks/${id}`)
  const secrets = await secretsInVault()
  t.equal((await make({}, 'server.admin')).statusCode, 400, 'whose?')
  t.equal((await call('server.admin', '/v1/webhooks')).statusCode, 400)
  t.equal((await make({ tenant: 'nobody' }, 'server.admin')).statusCode, 404)
  t.equal(await secretsInVault(), secrets, 'a secret without a webhook is not kept')
})

t.test('a test message is signed and tells what came of it', async (t) => {
  const { id, secret } = (await make({ enabled: false })).json()
  const test = async (): Promise<Answer> => await send('POST', `/v1/webhooks/${id}/test`)
  t.match((await test()).json(), { delivered: true, status: 204, error: null })
  t.match(there.received.at(-1)?.message, {
    type: 'ledger.webhook_test', data: { tenant: 'acme', webhook: id }
  })
  t.strictSame(signers(there.received.at(-1), [secret]), [secret])
  there.answer = () => 500
  t.match((await test()).json(), { delivered: false, status: 500 })
  there.answer = () => 204
  await send('PATCH', `/v1/webhooks/${id}`, { url: 'https://nowhere.example.com/' })
  t.match((await test()).json(), {
    delivered: false, status: null, error: 'the name stands for no address'
  })
  t.match((await call('acme.admin', `/v1/webhooks/${id}`)).json(), { failures: 0 })
})

t.test('a rotated secret signs beside its successor for the overlap', async (t) => {
  const { id, secret: first } = (await make()).json()
  const before = await secretsInVault()
  const rotate = async (overlapSeconds?: number): Promise<string> => {
    const wish = overlapSeconds === undefined ? {} : { overlapSeconds }
    return (await send('POST', `/v1/webhooks/${id}/rotate`, wish)).json().secret
  }
  const signing = async (secrets: readonly string[]): Promise<string[]> => {
    await send('POST', `/v1/webhooks/${id}/test`)
    return signers(there.received.at(-1), secrets)
  }
  const second = await rotate()
  t.strictSame(await signing([first, second]), [first, second])
  const third = await rotate(0)
  t.strictSame(await signing([first, second, third]), [third])
  t.equal(await secretsInVault(), before + 1, 'only the one before is kept')
  const history = await until(
    async () => await call('acme.auditor', `/v1/entities/ledger_webhook/${id}/events`),
    (answer) => answer.json().items?.length === 3)
  t.match(history.json().items[0].data, { operation: 'update', secret: 'rotated' })
  for (const secret of [first, second, third]) t.notOk(history.body.includes(secret.slice(6)))
  t.equal((await send('POST', `/v1/webhooks/${id}/rotate`, { overlapSeconds: -1 })).statusCode, 400)
})

t.test('a tenant has so many webhooks and no more, each tenant its own', async (t) => {
  const together = async (count: number): Promise<number[]> => {
    const answers = await Promise.all(Array.from({ length: count }, async () =>
      await make({ enabled: false }, 'globex.admin')))
    return answers.map(({ statusCode }) => statusCode)
  }
  const first = await together(10)
  t.strictSame(first.filter((status) => status !== 201 && status !== 503), [])
  const one = async (): Promise<Answer> => await make({ enabled: false }, 'globex.admin')
  for (let n = first.filter((status) => status === 201).length; n < WEBHOOKS_MAX - 1; n++) {
    t.equal((await one()).statusCode, 201)
  }
  const last = await together(3)
  t.equal(last.filter((status) => status === 201).length, 1, 'however many want to be the last')
  t.equal((await one()).statusCode, 409)
  const listed = await call('globex.admin', '/v1/webhooks')
  t.equal(listed.json().items.length, WEBHOOKS_MAX)
  const own = (await call('acme.admin', '/v1/webhooks')).json().items
  t.ok(own.every(({ tenant }: { tenant: string }) => tenant === 'acme'))
  const { id } = listed.json().items[0]
  for (const method of ['GET', 'PATCH', 'DELETE'] as const) {
    const payload = method === 'PATCH' ? { payload: { enabled: true } } : {}
    const answer = await call('acme.admin', { method, url: `/v1/webhooks/${id}`, ...payload })
    t.equal(answer.statusCode, 404, method)
  }
})

t.test('metrics count webhooks by state and name none', async (t) => {
  const { body } = await call(undefined, '/metrics')
  t.match(body, new RegExp(`ledger_webhooks{state="disabled"} ${WEBHOOKS_MAX + 1}\\n`))
  t.match(body, /ledger_webhooks{state="delivering"} 1\n/)
  t.match(body, /ledger_webhooks{state="failing"} 0\n/)
  t.notOk(/acme|globex|127\.0\.0\.1/.test(body))
})
