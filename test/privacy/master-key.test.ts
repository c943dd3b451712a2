import { randomBytes } from 'node:crypto'
import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { fileMasterKey, localMasterKey } from '../../src/privacy/master-key.ts'
import { testFolder } from '../helper.ts'

t.test('wraps and unwraps; refuses what another key wrapped or what was altered', async (t) => {
  const [one, two] = [localMasterKey(randomBytes(32)), localMasterKey(randomBytes(32))]
  const dataKey = randomBytes(32)
  const wrapped = await one.wrap(dataKey)
  t.equal(wrapped.length, 40)
  t.notOk(wrapped.includes(dataKey))
  t.strictSame(await one.unwrap(wrapped), dataKey)
  await t.rejects(two.unwrap(wrapped))
  for (let at = 0; at < wrapped.length; at++) {
    const altered = Buffer.from(wrapped)
    altered.writeUInt8(altered.readUInt8(at) ^ 1, at)
    await t.rejects(one.unwrap(altered), `byte ${at}`)
  }
  await t.rejects(one.unwrap(Buffer.alloc(0)))
})

t.test('key wrap is the one of RFC 3394', async (t) => {
  // Section 4.6: 256 bits of key data with a 256-bit key.
  const key = localMasterKey(Buffer.from(
    '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', 'hex'))
  const plain = Buffer.from(
    '00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f', 'hex')
  t.equal((await key.wrap(plain)).toString('hex'),
    '28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21')
})

t.test('the id names the key and does not tell it', async (t) => {
  const bytes = randomBytes(32)
  t.equal(localMasterKey(bytes).id, localMasterKey(Buffer.from(bytes)).id)
  t.not(localMasterKey(bytes).id, localMasterKey(randomBytes(32)).id)
  t.match(localMasterKey(bytes).id, /^local:[0-9a-f]{16}$/)
  t.notOk(bytes.toString('hex').includes(localMasterKey(bytes).id.slice(6)))
  for (const length of [0, 31, 33]) t.throws(() => localMasterKey(Buffer.alloc(length)), RangeError)
})

t.test('the file is made once, for its owner only, and read ever after', async (t) => {
  const folder = await testFolder(t)
  const path = join(folder, 'deep', 'master.key')
  const keys = await Promise.all(Array.from({ length: 8 }, async () => await fileMasterKey(path)))
  t.equal(new Set(keys.map(({ id }) => id)).size, 1, 'whoever came first made it')
  t.equal((await stat(path)).mode & 0o777, 0o600)
  t.strictSame(await readdir(join(folder, 'deep')), ['master.key'], 'no draft is left')
  t.match(await readFile(path, 'utf8'), /^audit-ledger-master-key-1 [\w-]{43}\n$/)
  const wrapped = await keys[0]?.wrap(randomBytes(32)) ?? Buffer.alloc(0)
  t.ok(await (await fileMasterKey(path)).unwrap(wrapped))
})

t.test('a file that others may read, or that holds no key, is refused', async (t) => {
  const folder = await testFolder(t)
  const path = join(folder, 'master.key')
  await fileMasterKey(path)
  for (const mode of [0o640, 0o604, 0o660, 0o610]) {
    await chmod(path, mode)
    await t.rejects(fileMasterKey(path), {
      code: 'VAULT_KEY_INVALID', message: /chmod 600/
    }, mode.toString(8))
  }
  await chmod(path, 0o400)
  await t.resolves(fileMasterKey(path), 'read-only for its owner')
  await chmod(path, 0o600)
  const good = await readFile(path, 'utf8')
  for (const text of ['', 'secret', good.slice(0, -2), good.replace('-1', '-2'), good + good]) {
    await writeFile(path, text)
    await t.rejects(fileMasterKey(path), {
      code: 'VAULT_KEY_INVALID', message: /does not hold a master key|holds the same key twice/
    })
  }
})
