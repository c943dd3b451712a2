import { randomBytes } from 'node:crypto'
import t from 'tap'
import { localMasterKey, withOlder } from '../../src/privacy/master-key.ts'
import { rewrap } from '../../src/privacy/rewrap.ts'
import { createSigningSecrets } from '../../src/privacy/signing-secrets.ts'
import { openVaultStore } from '../../src/privacy/vault-store.ts'
import { testDatabase } from '../helper.ts'

const database = await testDatabase(t)
const pool = database.pool('ledger_vault')
const old = localMasterKey(randomBytes(32))
const secretsUnder = (masterKey = old) =>
  createSigningSecrets({ pool, masterKey: async () => masterKey })
await openVaultStore(pool, old)

t.test('a secret comes back as it was made, in another process too', async (t) => {
  const { id, secret } = await secretsUnder().make()
  t.equal(secret.length, 32)
  t.strictSame(await secretsUnder().open([id]), [secret])
  const { rows } = await pool.query<{ wrapped: Buffer }>(
    'select wrapped_key as wrapped from vault.key where name = $1', [`webhook/${id}`])
  t.notOk(rows[0]?.wrapped.includes(secret), 'wrapped')
  await t.rejects(secretsUnder(localMasterKey(randomBytes(32))).open([id]),
    { code: 'VAULT_KEY_INVALID' })
})

t.test('a secret that was dropped is gone, and nothing else can be', async (t) => {
  const secrets = secretsUnder()
  const { id } = await secrets.make()
  const { id: kept } = await secrets.make()
  await secrets.drop([id])
  await t.rejects(secrets.open([id]), { code: 'NOT_FOUND' })
  t.equal((await secretsUnder().open([kept])).length, 1)
  const { rowCount } = await pool.query("delete from vault.key where name not like 'webhook/%'")
  t.equal(rowCount, 0, 'the key by which persons are found stays')
  const { rows } = await pool.query("select from vault.key where name = 'lookup'")
  t.equal(rows.length, 1)
})

t.test('secrets are rewrapped with the rest, and made under the key that counts', async (t) => {
  const { id, secret } = await secretsUnder().make()
  const fresh = localMasterKey(randomBytes(32))
  await rewrap({ pool, masterKey: withOlder(fresh, old), signal: new AbortController().signal })
  t.strictSame(await secretsUnder(fresh).open([id]), [secret], 'without the old key')
  await t.rejects(secretsUnder().make(), { code: 'VAULT_KEY_INVALID' }, 'the old key is refused')
  // A process that found the new key by itself wraps under it from then on.
  const behind = { ...old, find: async (wanted: string) => wanted === fresh.id ? fresh : undefined }
  const { id: later } = await secretsUnder(behind).make()
  t.equal((await secretsUnder(fresh).open([later])).length, 1)
})
