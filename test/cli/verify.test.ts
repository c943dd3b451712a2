import { hash, randomUUID } from 'node:crypto'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import t from 'tap'
import { verifyLive } from '../../src/cli/verify/live.ts'
import { remoteLedger, type Remote } from '../../src/cli/verify/remote.ts'
import type { Finding } from '../../src/proof/finding.ts'
import { ED25519, parseVerifierKey, signerFrom, verifierKey } from '../../src/proof/keys.ts'
import { formatCheckpoint } from '../../src/proof/checkpoint.ts'
import { signNote } from '../../src/proof/note.ts'
import { policyOf, type PolicyLog } from '../../src/proof/policy.ts'
import { startEpoch } from '../../src/worker/epoch.ts'
import { runCommand } from '../e2e/command.ts'
import { event, testService, until } from '../api/service.ts'
import { testFolder } from '../helper.ts'

const service = await testService(t)
const { app, append, call, keys } = service
const url = await app.listen({ host: '127.0.0.1', port: 0 })
const remote = remoteLedger(url, keys['acme.auditor'] ?? '')
const folder = await testFolder(t)

const LEAVES = 300
const ids = Array.from({ length: LEAVES }, () => randomUUID())
const kinds = [
  {}, { entity: { type: 'student', id: 's-1', name: 'Bo' } }, { description: 'näive “text”' },
  { before: { a: 1 }, after: { a: 2, b: [null, { c: 'x' }] }, tags: ['vip'] },
  { context: { ip: '10.0.0.1', requestId: 'r-1' }, correlationId: 'c-1' },
  {
    actor: { type: 'service', id: 'billing' },
    data: { name: 'Bo', grade: 'A', marks: [1, 2] },
    personal: [{
      subject: { type: 'student', id: 's-1' }, paths: ['/data/name', '/data/marks/1']
    }]
  }
]
await append('acme', ids.map((id, at) => event({ id, ...kinds[at % kinds.length] })))
await until(async () => await call('acme.auditor', `/v1/events/${ids.at(-1)}/proof`),
  ({ statusCode }) => statusCode === 200)
await service.stopWorker()

const { verifierKeys: [vkey] } = (await call(
  undefined, '/.well-known/ledger-keys?origin=test/acme')).json()
const policy = policyOf([parseVerifierKey(vkey)])

async function verified (from: Remote = remote, kept?: string, trusted = policy) {
  const findings: Finding[] = []
  const tell = (found: readonly Finding[]): void => { findings.push(...found) }
  const summary = await verifyLive({
    remote: from, policy: trusted, kept, tell, trails: 1_000
  })
  return { findings, summary, kinds: findings.map(({ kind }) => kind) }
}

const superuser = new pg.Client(service.database.superuserUrl)
await superuser.connect()
t.teardown(async () => { await superuser.end() })

/** A ledger whose log gives other lines than it should. */
function withLog (change: (lines: string[]) => string[]): Remote {
  return {
    ...remote,
    async * lines (path) {
      const lines: string[] = []
      for await (const line of remote.lines(path)) lines.push(line)
      yield * change(lines)
    }
  }
}

const NTH = 100
const isLeaf = (line: string): boolean =>
  !line.includes('"end":true') && !line.includes('ledger.checkpoint')

function changeLeaf (change: (line: string) => string[]): Remote {
  return withLog((lines) => {
    let leaf = 0
    return lines.flatMap((line) => isLeaf(line) && leaf++ === NTH ? change(line) : [line])
  })
}

t.test('an untouched ledger is OK, personal data and all', async (t) => {
  const { findings, summary } = await verified()
  t.strictSame(findings, [])
  t.ok(summary.leaves >= LEAVES)
  t.equal(summary.rows, summary.leaves)
  t.ok(summary.checkpoints > 0)
  t.ok(summary.allTrails && summary.trails > 5, `${summary.trails} trails and feeds`)
})

/** Does what an insider might, and gives back what undoes it. */
async function edited (table: string, where: string, sql: string): Promise<() => Promise<void>> {
  const kept = `public.kept_${randomUUID().replaceAll('-', '')}`
  await superuser.query(`create table ${kept} as select * from ${table} where ${where}`)
  await superuser.query(sql)
  return async () => {
    await superuser.query(`delete from ${table} where ${where};
      insert into ${table} select * from ${kept}; drop table ${kept}`)
  }
}

/** What is found while edits by an insider stand; they are taken back afterwards. */
async function whileEdited (...edits: Array<[table: string, where: string, sql: string]>) {
  const undo: Array<() => Promise<void>> = []
  for (const edit of edits) undo.push(await edited(...edit))
  try {
    return await verified()
  } finally {
    for (const one of undo) await one()
  }
}

const ENTRY = 'entries_v2_g1.entry'
const TRAIL = 'entity_trails_v2_g1.entity_trail'
const FEED = 'user_feeds_v4_g1.user_feed'
const LEAF = 'merkle_v1_g1.merkle_leaf'
const NODE = 'merkle_v1_g1.merkle_node'

t.test('whatever an insider does to the rows of a list is found', async (t) => {
  const shownErased = '\'[{"paths":["/actor/id","/actor/name","/actor/email"],' +
    `"erasure":"${randomUUID()}","erasedAt":"2026-01-01T00:00:00.000Z"}]'`
  const attacks: Array<[name: string, row: number, set: string]> = [
    ['what a list shows', 9,
      "body = replace(body, 'pending', 'paid') || ',\"x\":1', action = 'order.deleted'"],
    ['a text', 2, "body = replace(body, 'näive', 'naive')"],
    ['a leaf hash', 3, "leaf_hash = sha256('x')"],
    ['what is clear beside sealed data', 5, "head = replace(head, '\"A\"', '\"F\"')"],
    ['the place of sealed data', 11, "head = replace(head, '[1,null]', '[1]')"],
    ['what is clear beside a sealed address', 4, "head = replace(head, '\"r-1\"', '\"r-2\"')"],
    ['an actor who is named beside the ref', 0,
      "head = replace(head, '\"type\":\"user\"', '\"type\":\"user\",\"role\":\"x\"')"],
    ['the type of an actor', 6, "head = replace(head, '\"type\":\"user\"', '\"type\":\"agent\"')"],
    ['what was sealed', 12, "sealed = regexp_replace(sealed, '\"ct\":\"....', '\"ct\":\"AAAA')"],
    ['who seems to be erased', 18, `sealed = ${shownErased}`]
  ]
  const found = await whileEdited(...attacks.map(([, row, set]): [string, string, string] => {
    const where = `id = '${ids[row]}'`
    return [ENTRY, where, `update ${ENTRY} set ${set} where ${where}`]
  }))
  const leafOf = async (row: number) =>
    (await call('acme.auditor', `/v1/events/${ids[row]}/proof`)).json().index
  for (const [name, row] of attacks) {
    const index = BigInt(await leafOf(row))
    t.equal(found.findings.filter((finding) => finding.index === index).length, 1, name)
  }
  t.equal(found.findings.length, attacks.length, 'and nothing else')
  t.equal(found.kinds.filter((kind) => kind === 'tampered').length, attacks.length - 1)
})

t.test('whatever an insider does to the tree, trails and feeds is found', async (t) => {
  const node = "tenant = 'acme' and level = 1"
  const of = (row: number): string =>
    `position = (select position from read.entry where id = '${ids[row]}')`
  const found = await whileEdited(
    [NODE, node, `update ${NODE} set hash = sha256('x') where ${node}`],
    [TRAIL, of(8), `update ${TRAIL} set entity_key = '999' where ${of(8)}`],
    [TRAIL, of(6), `update ${TRAIL} set entity_type = 'student', entity_key = (select entity_key
      from ${ENTRY} where id = '${ids[1]}') where ${of(6)}`],
    [FEED, of(12), `delete from ${FEED} where ${of(12)}`]
  )
  const said = found.findings.map(({ kind, message }) => `${kind} ${message}`)
  for (const [kind, text] of [
    ['tampered', /tile\/1\/000\.p\/1 is not what the leaves/],
    ['missing', /entities\/order\/456\/events does not show/],
    ['foreign', /entities\/student\/[^ ]+ shows the event/],
    ['missing', /users\/[^ ]+ does not show/]
  ] as const) {
    t.equal(said.filter((line) => line.startsWith(kind) && text.test(line)).length, 1, `${text}`)
  }
  t.equal(said.length, 4)
  const leaf = "tenant = 'acme' and index = 7"
  const other = await whileEdited(
    [LEAF, leaf, `update ${LEAF} set hash = sha256('x') where ${leaf}`])
  t.strictSame(other.kinds, ['tampered', 'tampered'], 'a leaf')
  const row = `id = '${ids[20]}'`
  const cut = "tenant = 'acme' and index = 290"
  const gone = await whileEdited([ENTRY, row, `delete from ${ENTRY} where ${row}`],
    [LEAF, cut, `delete from ${LEAF} where ${cut}`])
  t.strictSame(gone.kinds, ['missing', 'tampered', 'missing'], 'a tile without a leaf, and a row')
  t.strictSame((await verified()).findings, [], 'and nothing once it is as it was')
})

t.test('whatever an insider does to the log is found, and told apart', async (t) => {
  const altered = await verified(changeLeaf((line) => [line.replace('order.', 'older.')]))
  t.ok(altered.kinds.includes('tampered'))
  t.match(altered.findings.filter(({ message }) => message.startsWith('leaf 100 of the log')),
    [{ kind: 'tampered', index: 100n, message: /not the one that was signed/ }])
  const dropped = await verified(changeLeaf(() => []))
  t.match(dropped.findings.filter(({ index }) => index === 100n), [{ kind: 'missing' }])
  const doubled = await verified(changeLeaf((line) => [line, line]))
  t.ok(doubled.kinds.includes('foreign'))
  const cut = await verified(withLog((lines) => [
    ...lines.slice(0, 200), JSON.stringify({ end: true, complete: true, events: 200 })
  ]))
  t.match(cut.findings[0], { kind: 'missing', message: /of the \d+ that were signed/ })
  const broken = await verified(withLog((lines) => lines.slice(0, -1)))
  t.ok(broken.kinds.includes('truncated'))
})

t.test('a ledger must continue what the auditor kept', async (t) => {
  const signer = signerFrom('test/acme', ED25519, Buffer.alloc(32, 7))
  const note = async (size: bigint, root: Buffer) => await signNote(
    formatCheckpoint({ origin: 'test/acme', size, root, extensions: [] }), [signer])
  const own = (await call('acme.auditor', '/v1/checkpoint')).body
  t.strictSame((await verified(remote, own)).kinds, [])
  t.strictSame((await verified(remote, await note(5n, Buffer.alloc(32)))).kinds, ['forked'])
  t.strictSame((await verified(remote, await note(5_000n, Buffer.alloc(32)))).kinds, ['stale'])
})

t.test('the command says every finding, exits 1 for any, and never OK for nothing', async (t) => {
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text)
    await chmod(join(folder, name), 0o600)
    return join(folder, name)
  }
  const run = async (...args: string[]) => {
    const command = runCommand(t, ['verify', ...args])
    return { code: await command.ended, said: command.said() }
  }
  const key = ['--key', vkey]
  const apiKey = await file('api.key', `${keys['acme.auditor']}\n`)
  const liveRun = await run(url, ...key, '--api-key', apiKey)
  t.match(liveRun, { code: 0, said: /OK test\/acme: \d+ leaves of the log.*trails and feeds$/m })
  const proof = await call('acme.auditor', {
    url: `/v1/events/${ids[0]}/proof`, headers: { accept: 'text/plain' }
  })
  const proofFile = await file('one.tlog-proof', proof.body)
  const one = await run(proofFile, ...key, '--event', ids[0] ?? '', '--entity', 'order/456')
  t.match(one, { code: 0, said: /OK test\/acme: 1 of 1 leaves proven/ })
  t.match(one.said,
    new RegExp(`^event ${ids[0]}, revision 0 of acme.order-456, order.updated$`, 'm'))
  const bundle = (await call('acme.auditor', '/v1/entities/order/456/proof')).body
  const good = await file('good.bundle', bundle)
  const sha256 = hash('sha256', bundle)
  const all = await run(good, ...key, '--sha256', sha256, '--entity', 'order/456', '--event',
    ids[5] ?? '')
  t.match(all, { code: 0, said: /^scope revisions 0 to \d+ of acme.order-456, none missing$/m })
  t.match(all.said, new RegExp(`^sha256 ${sha256}$`, 'm'))
  const other = await run(good, ...key, '--sha256', '0'.repeat(64), '--entity', 'order/457',
    '--event', randomUUID(), '--max-age', '1h')
  t.equal(other.code, 1)
  t.strictSame(other.said.match(/^FAULT \w+/gm),
    ['FAULT tampered', 'FAULT stale', 'FAULT missing', 'FAULT foreign'], 'it is not what was asked')
  const bad = await file('bad.bundle', bundle.replaceAll('"billing"', '"bellini"'))
  const found = await run(bad, ...key)
  t.equal(found.code, 1)
  t.equal(found.said.match(/^FAULT tampered/gm)?.length, LEAVES / kinds.length + 1,
    'each, and the file')
  const stranger = signerFrom('test/acme', ED25519, Buffer.alloc(32, 8))
  const strange = `test/acme+${stranger.key.id}+${
    Buffer.concat([Buffer.from([1]), stranger.key.publicKey]).toString('base64')}`
  t.match(await run(good, '--key', strange), { code: 1, said: /FAULT wrong-key/ })
  t.match(await run(await file('empty', ''), ...key), { code: 1, said: /NOT OK/ })
  t.match(await run(good), { code: 2, said: /say whom to trust/ })
})

t.test('another name of the tree is OK for who trusts it, and an erasure is too', async (t) => {
  await startEpoch(service.log, { tenant: 'acme', because: 'lost-events', reason: 'disk' },
    { id: randomUUID(), now: Date.now() })
  service.startWorker()
  const { body } = await until(async () => await call('acme.auditor', '/v1/checkpoint'),
    ({ body }) => body.startsWith('test/acme/2\n'))
  t.match(body, /^test\/acme\/2\n/)
  const erasure = await call('acme.compliance', {
    method: 'POST',
    url: '/v1/erasures',
    payload: {
      subject: { type: 'student', id: 's-1' },
      legalBasis: 'GDPR art. 17(1)(a)',
      reason: 'Asked for it',
      recipients: []
    }
  })
  const done = await until(async () =>
    (await call('acme.compliance', `/v1/erasures/${erasure.json().id}`)).json(),
  ({ state }) => state === 'executed')
  t.equal(done.state, 'executed')
  await service.stopWorker()
  const [{ key }] = policy.logs as [PolicyLog]
  const next = verifierKey('test/acme/2', ED25519, key.publicKey)
  const trusted = await verified(remote, undefined, policyOf([next]))
  t.strictSame(trusted.findings.map(({ severity, kind, message }) =>
    [severity, kind, /the log before/.test(message) || message]), [['info', 'foreign', true]])
  t.ok(trusted.summary.leaves > LEAVES)
  const before = await verified()
  t.ok(before.kinds.includes('wrong-key') && before.kinds.includes('empty'))
})
