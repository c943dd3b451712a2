import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import t from 'tap'

import { awsKmsMasterKey, kmsMasterKey, type Kms } from '../../src/privacy/aws-kms.ts'
import { localMasterKey, withOlder } from '../../src/privacy/master-key.ts'
import { rewrap } from '../../src/privacy/rewrap.ts'
import { createVault } from '../../src/privacy/vault.ts'
import { testDatabase } from '../helper.ts'

interface Input {
  KeyId: string
  EncryptionContext: Record<string, string>
  Plaintext?: Uint8Array
  CiphertextBlob?: Uint8Array
}

/** What AWS's client looks like from here, with a key of its own behind it. */
function fakeKms (): Kms & { inputs: Input[] } {
  const inputs: Input[] = []
  const key = randomBytes(32)
  class Command {
    readonly input: Input
    constructor (input: Input) { this.input = input }
  }
  class EncryptCommand extends Command {}
  class DecryptCommand extends Command {}
  const client = {
    async send (command: unknown): Promise<unknown> {
      if (!(command instanceof Command)) throw new TypeError('not a command')
      const { input } = command
      inputs.push(input)
      const aad = Buffer.from(JSON.stringify([input.KeyId, input.EncryptionContext]))
      if (command instanceof EncryptCommand) {
        const iv = randomBytes(12)
        const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(aad)
        const ct = Buffer.concat([cipher.update(input.Plaintext ?? ''), cipher.final()])
        return { CiphertextBlob: new Uint8Array(Buffer.concat([iv, ct, cipher.getAuthTag()])) }
      }
      const blob = Buffer.from(input.CiphertextBlob ?? [])
      const decipher = createDecipheriv('aes-256-gcm', key, blob.subarray(0, 12)).setAAD(aad)
        .setAuthTag(blob.subarray(-16))
      const plain = Buffer.concat([decipher.update(blob.subarray(12, -16)), decipher.final()])
      return { Plaintext: new Uint8Array(plain) }
    }
  }
  return { client, EncryptCommand, DecryptCommand, inputs }
}

t.test('a key of AWS KMS wraps and unwraps, bound to its purpose', async (t) => {
  const kms = fakeKms()
  const masterKey = kmsMasterKey(kms, 'alias/ledger')
  t.equal(masterKey.id, 'aws-kms:alias/ledger')
  const plain = randomBytes(32)
  const wrapped = await masterKey.wrap(plain)
  t.ok((await masterKey.unwrap(wrapped)).equals(plain))
  t.match(kms.inputs, [
    { KeyId: 'alias/ledger', EncryptionContext: { purpose: 'audit-ledger data key' } },
    { KeyId: 'alias/ledger', EncryptionContext: { purpose: 'audit-ledger data key' } }
  ])
  await t.rejects(kmsMasterKey(kms, 'alias/other').unwrap(wrapped))
  wrapped[20] = (wrapped[20] ?? 0) ^ 1
  await t.rejects(masterKey.unwrap(wrapped))
  const silent = { ...kms, client: { send: async () => ({}) } }
  await t.rejects(kmsMasterKey(silent, 'k').wrap(plain), { message: /no CiphertextBlob/ })
})

t.test('a vault moves from a file to a KMS by rotating once', async (t) => {
  const db = await testDatabase(t)
  const pool = db.pool('ledger_vault', { max: 8 })
  const file = localMasterKey(randomBytes(32))
  const subjects = [{ type: 'user', id: 'u-1' }, { type: 'user', id: 'u-2' }]
  const before = await createVault({ pool, masterKey: file })
  t.teardown(async () => { await before.close() })
  const keys = await before.provision('acme', subjects)
  const kms = kmsMasterKey(fakeKms(), 'alias/ledger')
  const moving = withOlder(kms, file)
  t.equal(await rewrap({ pool, masterKey: moving, signal: new AbortController().signal }), 3)
  const after = await createVault({ pool, masterKey: kms })
  t.teardown(async () => { await after.close() })
  t.strictSame(await after.provision('acme', subjects), keys)
})

t.test('without AWS\'s package it says what to install', async (t) => {
  await t.rejects(awsKmsMasterKey('alias/ledger'), {
    code: 'CONFIG_INVALID', message: /npm install @aws-sdk\/client-kms/
  })
  const kms = fakeKms()
  const loaded = await awsKmsMasterKey('alias/ledger', async (name) => {
    t.equal(name, '@aws-sdk/client-kms')
    return { ...kms, KMSClient: class { send = kms.client.send } }
  })
  const plain = randomBytes(32)
  t.ok((await loaded.unwrap(await loaded.wrap(plain))).equals(plain))
  const broken = new Error('broken')
  await t.rejects(awsKmsMasterKey('k', async () => { throw broken }), broken)
})
