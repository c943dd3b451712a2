import t from 'tap'
import { createKeyCache } from '../../src/privacy/key-cache.ts'
import { createVaultCache } from '../../src/privacy/vault-cache.ts'

t.test('what is too old is let go of without being asked for', async (t) => {
  let now = 0
  const cache = createKeyCache<number>({ max: 10, ttlMs: 10, now: () => now })
  cache.set('old', 1)
  now = 5
  cache.set('young', 2)
  now = 9
  cache.expire()
  t.equal(cache.get('old'), 1, 'not yet')
  now = 10
  cache.expire()
  // By a clock that went back an entry would be found again, if there were one.
  now = 6
  t.strictSame([cache.get('old'), cache.get('young')], [undefined, 2])
})

t.test('the vault remembers neither keys nor ids for longer', async (t) => {
  let now = 0
  const cache = createVaultCache({ max: 10, ttlMs: 10, now: () => now })
  const subject = { type: 'user', id: 'u-1' }
  cache.onUp()
  cache.remember({ tenant: 'acme', key: { ref: 'r', dataKey: Buffer.from('k') }, subject }, 1)
  t.match(cache.bySubject('acme', subject), { ref: 'r' })
  now = 10
  cache.expire()
  now = 0
  t.equal(cache.byRef('acme', 'r'), undefined)
  const other = { type: 'user', id: 'u-2' }
  cache.remember({
    tenant: 'acme', key: { ref: 'r', dataKey: Buffer.from('k') }, subject: other
  }, 1)
  t.match(cache.bySubject('acme', other), { ref: 'r' })
  t.equal(cache.bySubject('acme', subject), undefined, 'nor whose ref it was')
})
