import { randomBytes } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'

import { createEraser, tenantsErasedUnder } from '../../src/privacy/eraser.ts'
import { addKey, dropOlderKeys, readKeyFile } from '../../src/privacy/key-file.ts'
import {
  fileMasterKey, localMasterKey, withOlder, type MasterKey
} from '../../src/privacy/master-key.ts'
import { subjectKey } from '../../src/privacy/personal.ts'
import { masterKeysDestroyed, rewrap } from '../../src/privacy/rewrap.ts'
import { checkVaultFile, exportVault, restoreVault } from '../../src/privacy/vault-file.ts'
import { createVault } from '../../src/privacy/vault.ts'
import { testDatabase, testFolder } from '../helper.ts'

const SUBJECTS = Array.from({ length: 1_201 }, (_, n) => ({ type: 'user', id: `u-${n}` }))
const never = new AbortController().signal

t.test('a rotation, interrupted and taken up again, while the vault is in use', async (t) => {
  const db = await testDatabase(t)
  const pool = db.pool('ledger_vault', { max: 8 })
  const file = path.join(await testFolder(t), 'master.key')
  const old = await fileMasterKey(file)
  const oldId = old.id
  const running = await createVault({ pool, masterKey: old })
  t.teardown(async () => { await running.close() })
  const before = await running.provision('acme', SUBJECTS)

  await addKey(file)
  t.equal((await stat(file)).mode & 0o777, 0o600)
  const masterKey = await fileMasterKey(file)
  t.not(masterKey.id, oldId)
  const stop = new AbortController()
  const seen: Array<[number, number]> = []
  await t.rejects(rewrap({
    pool,
    masterKey,
    signal: stop.signal,
    onProgress: (...progress) => {
      seen.push(progress)
      stop.abort(new Error('interrupted'))
    }
  }), { message: 'interrupted' })
  t.strictSame(seen, [[500, SUBJECTS.length]])

  const other = await createVault({ pool, masterKey: await fileMasterKey(file) })
  t.teardown(async () => { await other.close() })
  const both = await other.provision('acme', SUBJECTS)
  t.strictSame(both, before, 'both keys open meanwhile')
  const fresh = (await running.provision('acme', [{ type: 'user', id: 'new' }])).get(
    subjectKey({ type: 'user', id: 'new' }))
  const { rows } = await pool.query('select master_key_id as id from vault.subject where ref = $1',
    [fresh?.ref])
  t.strictSame(rows, [{ id: masterKey.id }], 'who runs with the old key wraps under the new one')

  t.equal(await rewrap({ pool, masterKey, signal: never }), SUBJECTS.length - 500 + 1)
  t.equal(await rewrap({ pool, masterKey, signal: never }), 0, 'nothing is left')
  await dropOlderKeys(file)
  t.equal((await readKeyFile(file)).length, 1)
  const after = await createVault({ pool, masterKey: await fileMasterKey(file) })
  t.teardown(async () => { await after.close() })
  t.strictSame(await after.provision('acme', SUBJECTS), before, 'the new key opens everything')
  const left = await pool.query(
    'select from vault.subject where master_key_id = $1 union all ' +
    'select from vault.key where master_key_id = $1', [oldId])
  t.equal(left.rowCount, 0)
})

t.test('which master keys open copies of a key that was destroyed', async (t) => {
  const db = await testDatabase(t)
  const pool = db.pool('ledger_vault', { max: 8 })
  const superuser = db.pool(undefined, { url: db.superuserUrl })
  const [first, second, third] = [1, 2, 3].map((n) => localMasterKey(Buffer.alloc(32, n)))
  if (first === undefined || second === undefined || third === undefined) return
  const eraser = createEraser(pool)
  const provision = async (masterKey: MasterKey, ...users: string[]): Promise<string[]> => {
    const vault = await createVault({ pool, masterKey })
    const keys = await vault.provision('acme', users.map((id) => ({ type: 'user', id })))
    await vault.close()
    return [...keys.values()].map(({ ref }) => ref)
  }
  const erase = async (ref = ''): Promise<string[] | undefined> => {
    await eraser.destroy('acme', [{ ref, erasure: ref }])
    return (await eraser.wrappedUnder('acme', [ref])).get(ref)
  }
  const [before, old, older, restored] =
    await provision(first, 'u-before', 'u-old', 'u-older', 'u-restored')
  t.strictSame(await erase(before), [first.id])
  await rewrap({ pool, masterKey: withOlder(second, first), signal: never })
  const [young] = await provision(second, 'u-young')
  t.strictSame(await erase(old), [second.id, first.id], 'the first was kept, for all we know')
  t.strictSame(await erase(young), [second.id], 'made after the first was out of use')
  await rewrap({ pool, masterKey: withOlder(third, second), signal: never })
  await masterKeysDestroyed(pool, [second.id])
  t.strictSame(await erase(older), [third.id, first.id], 'what is destroyed opens nothing')
  t.strictSame(await tenantsErasedUnder(pool, first.id), ['acme'])

  const file = path.join(await testFolder(t), 'vault.ndjson')
  await exportVault(pool, file)
  await superuser.query('delete from vault.subject')
  await restoreVault(pool, file, third)
  t.strictSame(await erase(restored), [third.id, first.id], 'a restored key is as old as it was')
})

t.test('who has only the old key wraps nothing under it any more', async (t) => {
  const db = await testDatabase(t)
  const pool = db.pool('ledger_vault', { max: 8 })
  const [old, next] = [localMasterKey(randomBytes(32)), localMasterKey(randomBytes(32))]
  const stale = await createVault({ pool, masterKey: old })
  t.teardown(async () => { await stale.close() })
  await stale.provision('acme', SUBJECTS.slice(0, 10))
  t.equal(await rewrap({ pool, masterKey: withOlder(next, old), signal: never }), 11)
  await t.rejects(stale.provision('acme', [{ type: 'user', id: 'later' }]),
    { code: 'VAULT_KEY_INVALID', message: /were rotated to master key/ })
  t.equal((await pool.query('select from vault.subject')).rowCount, 10)
  await t.rejects(rewrap({ pool, masterKey: localMasterKey(randomBytes(32)), signal: never }),
    { code: 'VAULT_KEY_INVALID' }, 'a key that nobody has')
})

t.test('a vault comes back from its file, but for who was erased', async (t) => {
  const db = await testDatabase(t)
  const pool = db.pool('ledger_vault', { max: 8 })
  const superuser = db.pool(undefined, { url: db.superuserUrl })
  const masterKey = localMasterKey(randomBytes(32))
  const vault = await createVault({ pool, masterKey })
  t.teardown(async () => { await vault.close() })
  const keys = await vault.provision('acme', SUBJECTS)
  const file = path.join(await testFolder(t), 'vault.ndjson')
  t.equal(await exportVault(pool, file), SUBJECTS.length)
  t.equal((await stat(file)).mode & 0o777, 0o600)
  await t.rejects(exportVault(pool, file), { code: 'ALREADY_EXISTS' })
  const text = await readFile(file, 'utf8')
  t.notMatch(text, /u-1200/)
  for (const { dataKey } of keys.values()) {
    if (text.includes(dataKey.toString('base64'))) t.fail('a data key in clear')
  }
  t.strictSame(await checkVaultFile(file),
    { tenants: ['acme'], masterKeys: [masterKey.id], subjects: SUBJECTS.length })

  const refs = [...keys.values()].map(({ ref }) => ref)
  await createEraser(pool).destroy('acme', [{ ref: refs[0] ?? '', erasure: refs[0] ?? '' }])
  await superuser.query('delete from vault.subject where ref = any($1)', [refs.slice(0, 700)])
  t.strictSame(await restoreVault(pool, file, masterKey), { added: 699, present: 501, erased: 1 })
  t.strictSame(await restoreVault(pool, file, masterKey), { added: 0, present: 1_200, erased: 1 })
  t.equal((await vault.keys('acme', refs)).size, 1_200)

  await superuser.query('truncate vault.subject, vault.key')
  t.strictSame(await restoreVault(pool, file, masterKey), { added: 1_200, present: 0, erased: 1 })
  const again = await createVault({ pool, masterKey })
  t.teardown(async () => { await again.close() })
  t.strictSame(await again.find('acme', { type: 'user', id: 'u-9' }),
    { ...keys.get(subjectKey({ type: 'user', id: 'u-9' })), closed: false })

  await t.rejects(restoreVault(pool, file, localMasterKey(randomBytes(32))),
    { code: 'VAULT_KEY_INVALID', message: /not in the master key file/ })
  const another = await testDatabase(t)
  const elsewhere = another.pool('ledger_vault')
  const its = await createVault({ pool: elsewhere, masterKey })
  t.teardown(async () => { await its.close() })
  await t.rejects(restoreVault(elsewhere, file, masterKey), { message: /of another vault/ })
  t.equal((await elsewhere.query('select from vault.subject')).rowCount, 0)

  const lines = text.trim().split('\n')
  const bad: Array<[string, RegExp]> = [
    [lines.slice(0, -1).join('\n'), /cut off/],
    [[...lines.slice(0, 5), ...lines.slice(6)].join('\n'), /not what was exported/],
    [text.replace(refs[5] ?? '', refs[6] ?? ''), /not what was exported/],
    ['{"format":"other"}\n', /line 1: this is no export/], ['nonsense\n', /line 1: is not JSON/]
  ]
  for (const [content, message] of bad) {
    await writeFile(file, content)
    await t.rejects(restoreVault(pool, file, masterKey), { code: 'CONFIG_INVALID', message })
  }
  await t.rejects(checkVaultFile(file + '.none'), { code: 'ENOENT' })
})
