import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { SubjectRef } from '../../schemas/primitives.ts'
import type { Pool } from '../../src/postgres/pool.ts'
import { createKeyCache } from '../../src/privacy/key-cache.ts'
import { localMasterKey, type MasterKey } from '../../src/privacy/master-key.ts'
import { microBatch } from '../../src/privacy/micro-batch.ts'
import { subjectKey } from '../../src/privacy/personal.ts'
import { createVaultCache } from '../../src/privacy/vault-cache.ts'
import {
  createVault, KEY_TTL_MS, KEYS_CACHED_MAX, LOOKUPS_MAX, type Vault
} from '../../src/privacy/vault.ts'
import { testDatabase } from '../helper.ts'

const alice: SubjectRef = { type: 'user', id: 'u-81' }
const sam: SubjectRef = { type: 'student', id: 's-7' }
const masterKey = localMasterKey(randomBytes(32))

interface Opened {
  vault: Vault
  /** What the vault's pool sent to Postgres. */
  statements: () => number
}

async function open (
  t: Test, pool: Pool, options: { masterKey?: MasterKey, now?: () => number } = {}
): Promise<Opened> {
  let statements = 0
  const query = pool.query.bind(pool)
  t.intercept(pool, 'query', {
    value: (...args: Parameters<typeof query>) => { statements++; return query(...args) }
  })
  const vault = await createVault({ pool, masterKey, ...options })
  t.teardown(async () => { await vault.close() })
  return { vault, statements: () => statements }
}

async function until (condition: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; !await condition(); tries++) {
    if (tries > 500) throw new Error('it never became so')
    await sleep(10)
  }
}

/** Waits until the vault hears notifications, which is when it starts to remember. */
async function listening (pool: Pool, name: string): Promise<void> {
  await until(async () => {
    const { rows } = await pool.query(
      `select from vault.listener, pg_stat_activity
       where application_name = $1 and query = 'listen ledger_vault' and state = 'idle'`, [name])
    return rows.length > 0
  })
  // Postgres has answered; the answer is on its way to the vault.
  await sleep(25)
}

t.test('the vault', async (t) => {
  const db = await testDatabase(t)
  const pool = db.pool('ledger_vault')
  const superuser = db.pool(undefined, { url: db.superuserUrl })

  await t.test('gives each subject of each tenant one ref and one key, for ever', async (t) => {
    const { vault } = await open(t, db.pool('ledger_vault'))
    const first = await vault.provision('acme', [alice, sam, alice])
    t.strictSame([...first.keys()], [subjectKey(alice), subjectKey(sam)])
    const other = await vault.provision('globex', [alice])
    const keys = [...first.values(), ...other.values()]
    t.equal(new Set(keys.map(({ ref }) => ref)).size, 3)
    t.equal(new Set(keys.map(({ dataKey }) => dataKey.toString('hex'))).size, 3)
    t.ok(keys.every(({ dataKey }) => dataKey.length === 32))

    const { vault: second } = await open(t, db.pool('ledger_vault'))
    t.strictSame(await second.provision('acme', [sam, alice]), new Map([...first].reverse()))
    t.strictSame(await second.find('acme', sam), first.get(subjectKey(sam)))
    t.strictSame(await second.provision('acme', []), new Map())
  })

  await t.test('finds without making', async (t) => {
    const { vault } = await open(t, db.pool('ledger_vault'))
    const nobody = { type: 'user', id: 'nobody' }
    t.equal(await vault.find('acme', nobody), undefined)
    t.equal(await vault.find('initech', alice), undefined, 'another tenant')
    t.equal(await vault.find('acme', nobody), undefined)
    const [found, made] = await Promise.all([
      vault.find('acme', nobody), vault.provision('acme', [nobody])
    ])
    const key = made.get(subjectKey(nobody))
    t.ok(found === undefined || found.ref === key?.ref)
  })

  await t.test('holds nothing that names a person or opens without the master key', async (t) => {
    const { rows } = await superuser.query('select * from vault.subject')
    t.ok(rows.length >= 4)
    t.notMatch(JSON.stringify(rows), /u-81|s-7|nobody/)
    const { vault } = await open(t, db.pool('ledger_vault'))
    const key = await vault.find('acme', alice)
    const hex = JSON.stringify(rows.map((row) => row.wrapped_key.toString('hex')))
    t.ok(key && !hex.includes(key.dataKey.toString('hex')))
  })

  await t.test('opens by ref, absent where there is none', async (t) => {
    const { vault } = await open(t, db.pool('ledger_vault'))
    const key = await vault.find('acme', alice)
    const ref = key?.ref ?? ''
    t.strictSame(await vault.keys('acme', [ref, randomUUID(), ref]), new Map([[ref, key?.dataKey]]))
    t.strictSame(await vault.keys('globex', [ref]), new Map(), 'another tenant\'s')
    t.strictSame(await vault.keys('acme', []), new Map())
  })

  await t.test('two vaults that meet the same new subjects agree', async (t) => {
    const vaults = await Promise.all([1, 2, 3].map(async () =>
      (await open(t, db.pool('ledger_vault'))).vault))
    const subjects = Array.from({ length: 200 }, (_, n) => ({ type: 'race', id: `r-${n}` }))
    const answers = await Promise.all(vaults.flatMap((vault, turn) => [
      vault.provision('acme', turn === 1 ? subjects.toReversed() : subjects),
      vault.provision('acme', subjects.slice(100))
    ]))
    const [reference] = answers
    t.equal(reference?.size, 200)
    for (const answer of answers) {
      for (const [subject, { ref, dataKey }] of answer) {
        t.equal(ref, reference?.get(subject)?.ref)
        t.ok(reference?.get(subject)?.dataKey.equals(dataKey))
      }
    }
    const { rows } = await superuser.query('select count(*) from vault.subject')
    t.equal(rows[0].count, 204n)
  })

  await t.test('concurrent callers share statements, and answers are remembered', async (t) => {
    const own = db.pool('ledger_vault', { applicationName: 'sharing' })
    const { vault, statements } = await open(t, own)
    await listening(superuser, 'sharing')
    const subjects = Array.from({ length: LOOKUPS_MAX + 1 }, (_, n) => ({ type: 'x', id: `${n}` }))
    const start = statements()
    await Promise.all(subjects.map(async (subject) => await vault.provision('acme', [subject])))
    t.equal(statements() - start, 6, 'two batches of select, insert, select')
    const refs = (await Promise.all(subjects.map(async (subject) =>
      await vault.find('acme', subject)))).map((key) => key?.ref ?? '')
    t.equal((await vault.keys('acme', refs)).size, subjects.length)
    t.equal(statements() - start, 6, 'nothing was asked twice')
  })

  await t.test('forgets a key when its row goes, whoever removes it', async (t) => {
    const own = db.pool('ledger_vault', { applicationName: 'forgetting' })
    const { vault } = await open(t, own)
    await listening(superuser, 'forgetting')
    const old = (await vault.provision('acme', [alice])).get(subjectKey(alice))
    const ref = old?.ref ?? ''
    t.equal((await vault.keys('acme', [ref])).size, 1)
    await pool.query('delete from vault.subject where tenant = $1 and ref = $2', ['acme', ref])
    await until(async () => (await vault.keys('acme', [ref])).size === 0)
    t.equal(await vault.find('acme', alice), undefined)
    const fresh = (await vault.provision('acme', [alice])).get(subjectKey(alice))
    t.not(fresh?.ref, ref, 'who comes back is somebody new')
    t.notOk(old && fresh?.dataKey.equals(old.dataKey))
    t.equal((await vault.keys('acme', [ref])).size, 0, 'and the old key stays gone')

    await superuser.query('truncate vault.subject')
    await until(async () => await vault.find('acme', alice) === undefined)
  })

  await t.test('a lost listener costs the memory, and comes back', async (t) => {
    const own = db.pool('ledger_vault', { applicationName: 'losing' })
    const { vault, statements } = await open(t, own)
    await listening(superuser, 'losing')
    const key = (await vault.provision('acme', [sam])).get(subjectKey(sam))
    const remembered = statements()
    await vault.find('acme', sam)
    t.equal(statements(), remembered)
    await superuser.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1',
      ['losing'])
    await until(async () => {
      const before = statements()
      await vault.find('acme', sam).catch(() => {})
      return statements() > before
    })
    await listening(superuser, 'losing')
    t.strictSame(await vault.find('acme', sam), key)
    await until(async () => {
      const before = statements()
      await vault.find('acme', sam)
      return statements() === before
    })
  })

  await t.test('closes at any moment, and leaves the pool to others', async (t) => {
    for (const waitMs of [0, 0, 1, 5, 20]) {
      const own = db.pool('ledger_vault')
      const vault = await createVault({ pool: own, masterKey })
      if (waitMs > 0) await sleep(waitMs)
      await vault.close()
      t.equal(own.totalCount - own.idleCount, 0, `after ${waitMs} ms`)
      await own.query('select 1')
    }
  })

  await t.test('a key is not used longer than its time', async (t) => {
    let at = 0
    const own = db.pool('ledger_vault', { applicationName: 'aging' })
    const { vault, statements } = await open(t, own, { now: () => at })
    await listening(superuser, 'aging')
    await until(async () => {
      const before = statements()
      await vault.provision('acme', [sam])
      return statements() === before
    })
    const before = statements()
    at += KEY_TTL_MS - 1
    await vault.find('acme', sam)
    t.equal(statements(), before)
    at += 1
    await vault.find('acme', sam)
    t.equal(statements(), before + 1)
  })

  await t.test('says so when the master key is another one', async (t) => {
    await t.rejects(createVault({ pool, masterKey: localMasterKey(randomBytes(32)) }), {
      code: 'VAULT_KEY_INVALID', message: /made with master key local:\w{16}, this one is local:/
    })
    const impostor = { ...localMasterKey(randomBytes(32)), id: masterKey.id }
    await t.rejects(createVault({ pool, masterKey: impostor }), {
      code: 'VAULT_KEY_INVALID', message: /damaged/
    })
  })

  await t.test('says so when it cannot be reached', async (t) => {
    const gone = db.pool('ledger_vault', { url: 'postgres://nobody@127.0.0.1:1/none' })
    await t.rejects(createVault({ pool: gone, masterKey }), { code: 'DATABASE_UNAVAILABLE' })
  })

  await t.test('is closed to every other role', async (t) => {
    for (const role of ['ledger_api', 'ledger_worker', 'ledger_admin'] as const) {
      const other = db.pool(role)
      for (const table of ['vault.subject', 'vault.key']) {
        await t.rejects(other.query(`select from ${table}`), { code: '42501' }, `${role} ${table}`)
      }
    }
  })
})

t.test('an answer that was under way when a row went is not remembered', async (t) => {
  const cache = createVaultCache({ max: 10, ttlMs: 1_000, now: () => 0 })
  const key = { ref: randomUUID(), dataKey: randomBytes(32) }
  const answer = { tenant: 'acme', key, subject: alice }
  cache.remember(answer, cache.generation())
  t.equal(cache.byRef('acme', key.ref), undefined, 'nothing before anybody listens')
  cache.onUp()
  const asked = cache.generation()
  cache.onNotification(JSON.stringify(['acme', key.ref]))
  cache.remember(answer, asked)
  t.equal(cache.byRef('acme', key.ref), undefined)
  cache.remember(answer, cache.generation())
  t.strictSame(cache.bySubject('acme', alice), key)
  cache.onNotification(JSON.stringify(['globex', key.ref]))
  t.strictSame(cache.bySubject('acme', alice), key, 'another row')
  for (const payload of ['', 'nonsense', '{}', '[]', JSON.stringify(['acme', key.ref])]) {
    cache.remember(answer, cache.generation())
    cache.onNotification(payload)
    t.equal(cache.bySubject('acme', alice), undefined, payload)
  }
  cache.remember(answer, cache.generation())
  cache.onDown()
  t.equal(cache.byRef('acme', key.ref), undefined)
})

t.test('the cache holds so many, the least recently used go first', async (t) => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat({ max: 9 }))), (steps) => {
    const cache = createKeyCache<number>({ max: 4, ttlMs: 1, now: () => 0 })
    let model: number[] = []
    for (const [write, key] of steps) {
      const known = model.includes(key)
      if (write) cache.set(`${key}`, key)
      else t.equal(cache.get(`${key}`), known ? key : undefined)
      if (write || known) model = [...model.filter((other) => other !== key), key].slice(-4)
    }
  }))
  t.ok(KEYS_CACHED_MAX >= 1_000)
})

t.test('a batch answers each caller with its own result or the shared failure', async (t) => {
  const batches: number[][] = []
  const double = microBatch<number, number>(3, async (items) => {
    batches.push(items)
    await sleep(1)
    if (items.includes(13)) throw new Error('unlucky')
    return items.map((item) => item * 2)
  })
  t.strictSame(await Promise.all([1, 2, 3, 4].map(double)), [2, 4, 6, 8])
  t.strictSame(batches, [[1, 2, 3], [4]])
  const results = await Promise.allSettled([12, 13, 14, 15].map(double))
  t.strictSame(results.map(({ status }) => status === 'fulfilled'), [false, false, false, true])
  t.equal(await double(21), 42, 'and goes on')
})
