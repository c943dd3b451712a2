import t from 'tap'
import { createApiKey } from '../../src/api/api-key.ts'
import { createAuthenticator } from '../../src/api/auth.ts'
import type { KeyRecord } from '../../src/api/key-store.ts'
import { FRESH_MS, STALE_MS } from '../../src/api/recent.ts'

const made = createApiKey('test')
const record: KeyRecord = {
  id: made.id,
  tenant: 'acme',
  name: 'shop',
  roles: ['producer'],
  secretHash: made.hash,
  subjectRef: null,
  createdAt: new Date(0),
  expiresAt: null,
  supersededAt: null,
  revokedAt: null,
  lastUsedAt: null
}

/** An authenticator whose clock and database the test rules. */
function given (said: Partial<KeyRecord> = {}) {
  const world = {
    now: 1_000_000,
    key: { ...record, ...said } as KeyRecord | undefined,
    down: false,
    asked: 0,
    touched: 0
  }
  const auth = createAuthenticator({
    async find () {
      world.asked++
      if (world.down) throw Object.assign(new Error('down'), { code: 'ECONNREFUSED' })
      return world.key
    },
    async touch () { world.touched++ }
  }, () => world.now)
  const call = async (text = made.text) => await auth.authenticate(`Bearer ${text}`)
  return { world, auth, call }
}

const refused = { code: 'UNAUTHENTICATED' }

t.test('a valid key says who calls', async (t) => {
  const { call } = given()
  t.strictSame(await call(), {
    keyId: made.id, tenant: 'acme', name: 'shop', roles: ['producer'], subjectRef: undefined
  })
})

t.test('whatever is no valid key is refused', async (t) => {
  const { auth, call } = given()
  for (const header of [undefined, '', 'Bearer', 'Bearer x', made.text, `Basic ${made.text}`,
    `Bearer ${made.text} ${made.text}`, `Bearer  ${made.text}`]) {
    await t.rejects(auth.authenticate(header), refused, String(header))
  }
  const forged = createApiKey('test')
  const sameId = createApiKey('test', (bytes) =>
    bytes === 11 ? Buffer.alloc(11) : Buffer.alloc(32, 1))
  await t.rejects(given({ secretHash: forged.hash }).call(), refused, 'another secret')
  await t.rejects(call(sameId.text), refused)
  await t.rejects(given({ revokedAt: new Date(0) }).call(), refused, 'revoked')
  await t.rejects(given({ expiresAt: new Date(1_000_000) }).call(), refused, 'expired just now')
  await t.resolves(given({ expiresAt: new Date(1_000_001) }).call(), 'expires in a moment')
})

t.test('the database is asked once in five seconds, however many call', async (t) => {
  const { world, call } = given()
  await Promise.all(Array.from({ length: 100 }, async () => await call()))
  t.equal(world.asked, 1)
  world.now += FRESH_MS - 1
  await call()
  t.equal(world.asked, 1)
  world.now += 1
  await call()
  t.equal(world.asked, 2)
})

t.test('a revocation elsewhere is seen within five seconds, one here at once', async (t) => {
  const { world, auth, call } = given()
  await call()
  world.key = { ...record, revokedAt: new Date() }
  await t.resolves(call())
  world.now += FRESH_MS
  await t.rejects(call(), refused)

  const here = given()
  await here.call()
  here.world.key = { ...record, revokedAt: new Date() }
  here.auth.forget(made.id)
  await t.rejects(here.call(), refused)
  auth.forget('of another key')
})

t.test('unknown keys are remembered too', async (t) => {
  const { world, call } = given()
  world.key = undefined
  await t.rejects(call(), refused)
  await t.rejects(call(), refused)
  t.equal(world.asked, 1)
})

t.test('without the database the last answer stands for a minute', async (t) => {
  const { world, call } = given()
  await call()
  world.down = true
  world.now += STALE_MS - 1
  await t.resolves(call())
  world.now += 1
  await t.rejects(call(), { code: 'DATABASE_UNAVAILABLE' })
  await t.rejects((async () => {
    const other = given()
    other.world.down = true
    await other.call()
  })(), { code: 'DATABASE_UNAVAILABLE' }, 'nobody knows a key that was not asked about')
})

t.test('use is noted once a minute and never waited for', async (t) => {
  const { world, call } = given()
  await call()
  await call()
  t.equal(world.touched, 1)
  world.now += 60_000
  await call()
  t.equal(world.touched, 2)
})
