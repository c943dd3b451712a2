import { once } from 'node:events'
import http from 'node:http'
import t from 'tap'
import { EXPORTS_AT_ONCE_MAX, type ExportView } from '../../../schemas/http/exports.ts'
import type { Finding } from '../../../src/proof/finding.ts'
import { parseVerifierKey } from '../../../src/proof/keys.ts'
import { policyOf } from '../../../src/proof/policy.ts'
import { verifyBundle, type Summary } from '../../../src/proof/verify.ts'
import { independent, whatIsMissing } from '../../proof/independent.ts'
import { erasingService, person } from '../erasing.ts'
import { until } from '../service.ts'
import { exporting } from './exporting.ts'

const service = await erasingService(t)
const { append, call, erase, keys } = service
const { ask, become, download, read, ready } = exporting(service)

await append('acme', Array.from({ length: 700 }, (_, n) => person(`u-${n % 5}`, {
  entity: { type: 'order', id: `o-${n % 3}` },
  outcome: n % 4 === 0 ? 'denied' : 'success'
})))
await append('globex', Array.from({ length: 20 }, () => person('u-1')))

/** The size of the tree that is signed, once it has everything that reads show. */
async function sealed (): Promise<bigint> {
  const proof = async () => {
    const [last] = (await call('acme.auditor', '/v1/events?limit=1')).json().items
    return await call('acme.auditor', `/v1/events/${last.id}/proof`)
  }
  return BigInt((await until(proof, ({ statusCode }) => statusCode === 200)).json().size)
}

const { verifierKeys: [vkey] } = await until(
  async () => (await call(undefined, '/.well-known/ledger-keys?origin=test/acme')).json(),
  ({ verifierKeys }) => verifierKeys?.length > 0)
const log = parseVerifierKey(vkey)
const policy = policyOf([log])
/** Bundles that were downloaded. */
const bundles: Buffer[] = []

async function verified (
  bytes: Buffer, kept?: string
): Promise<{ findings: Finding[], summary: Summary }> {
  const findings: Finding[] = []
  const run = verifyBundle((async function * () { yield bytes })(), {
    policy, ...(kept === undefined ? {} : { kept })
  })
  for (;;) {
    const { done, value } = await run.next()
    if (done === true) return { findings, summary: value }
    findings.push(value)
  }
}

t.test('a bundle of everything has every leaf, proven, and nothing opened', async (t) => {
  await sealed()
  const view = await ready({ format: 'bundle' })
  const { rawPayload } = await download(view.id)
  bundles.push(rawPayload)
  const { findings, summary } = await verified(rawPayload)
  t.strictSame(findings, [])
  t.equal(String(summary.leaves), view.checkpoint)
  t.equal(summary.leaves, view.events)
  t.equal(summary.proven, summary.leaves)
  t.ok(summary.leaves > 700 && summary.sealed >= 700)
  t.equal(summary.opened, 0)
  t.notMatch(rawPayload.toString(), /Canary|canary\.example|globex/)
})

t.test('a filter chooses leaves, and the manifest says which', async (t) => {
  await sealed()
  // The first lets more than a page pass that lie close together; the others are picked.
  const filters = [{ entityType: 'order' }, { outcome: 'denied' }, { entity: 'order:o-1' },
    { actor: 'u-2' }]
  for (const filter of filters) {
    const view = await ready({ format: 'bundle', ...filter })
    const { body, rawPayload } = await download(view.id)
    bundles.push(rawPayload)
    const { findings, summary } = await verified(rawPayload)
    t.strictSame(findings, [])
    const list = await ready({ format: 'json', upTo: view.upTo, ...filter })
    t.equal(summary.proven, list.events, JSON.stringify(filter))
    t.strictSame(JSON.parse(body.split('\n')[0] ?? '').scope,
      { type: 'filter', filter: view.filters })
    t.notMatch(body.split('\n')[0], /u-2/)
  }
})

t.test('a verifier written from the RFCs agrees', { skip: await whatIsMissing() }, async (t) => {
  const stream = (await call('acme.auditor', '/v1/entities/order/o-1/proof')).rawPayload
  const forged = stream.toString().replace('"denied"', '"failed"')
  const verdicts = await independent(t.testdir(), { log }, [...bundles, stream, forged])
  t.strictSame(verdicts, [...bundles.map(() => 'ok'), 'ok', 'bad'])
  t.equal(bundles.length, 5)
})

t.test('a bundle shows that the tree continues an earlier checkpoint', async (t) => {
  const kept = (await call('acme.auditor', '/v1/checkpoint')).body
  const continues = kept.split('\n')[1]
  await append('acme', [person('u-0', { outcome: 'denied' })])
  await sealed()
  const wish = { format: 'bundle', outcome: 'denied' }
  const alone = await verified((await download((await ready(wish)).id)).rawPayload, kept)
  t.match(alone.findings, [{ kind: 'missing', message: /nothing shows that the tree continues/ }])
  const view = await ready({ ...wish, continues })
  t.equal(view.continues, continues)
  const { rawPayload } = await download(view.id)
  t.strictSame((await verified(rawPayload, kept)).findings, [])
  const again = await ready({ ...wish, continues, upTo: view.upTo })
  t.equal(again.sha256, view.sha256, 'the same bytes again')
  const wrong = { status: 400, detail: /continues/ }
  t.match((await ask({ ...wish, continues: '1000000' })).json(), wrong)
  t.match((await ask({ format: 'csv', continues })).json(), wrong)
})

t.test('against the same checkpoint a bundle is the same bytes', async (t) => {
  const { id, upTo, sha256, checkpoint } = await ready({ format: 'bundle', outcome: 'denied' })
  await append('acme', [person('u-0', { outcome: 'denied' })])
  const size = await sealed()
  t.ok(size > BigInt(checkpoint ?? 0))
  const again = await ready({ format: 'bundle', outcome: 'denied', upTo })
  t.match(again, { upTo, sha256, checkpoint })
  const between = await ready({
    format: 'bundle', outcome: 'denied', upTo: String(BigInt(upTo) + 1n)
  })
  t.match(between, { upTo, sha256 }, 'the last checkpoint up to there')
  const newer = await ready({ format: 'bundle', outcome: 'denied' })
  t.equal(newer.events, Number(again.events) + 1)
  t.ok((await download(again.id)).rawPayload.equals((await download(id)).rawPayload))
  t.match((await ask({ format: 'bundle', upTo: '0' })).json(), { status: 400 })
})

t.test('an erasure changes what is shown, its tag, and no bundle of everything', async (t) => {
  await sealed()
  const bundle = await ready({ format: 'bundle' })
  const list = await ready({ format: 'ndjson' })
  const mine = await ready({ format: 'csv', actor: 'u-3' })
  t.match((await download(list.id)).body, /Canary u-3/)
  await download(mine.id)
  const { id: erasure } = await erase('u-3')

  const after = await until(async () => await read(list.id), ({ state }) => state === 'ready')
  t.not(after.sha256, list.sha256)
  t.equal(after.events, list.events)
  const resumed = await download(list.id, { range: 'bytes=5-', 'if-range': `"${list.sha256}"` })
  t.equal(resumed.statusCode, 200)
  t.match(resumed.body, /Canary u-2/)
  t.notMatch(resumed.body, /Canary u-3/)
  t.equal((await download(list.id, { 'if-match': `"${list.sha256}"` })).statusCode, 412)
  const gone = await become(mine.id, 'ready')
  t.equal(gone.events, 0)
  t.equal((await download(mine.id)).body.split('\r\n').length, 2, 'the columns alone')

  const same = await read(bundle.id)
  t.match(same, { state: 'ready', sha256: bundle.sha256 })
  t.strictSame((await verified((await download(bundle.id)).rawPayload)).findings, [])

  await sealed()
  const marked = await ready({ format: 'bundle' })
  const { findings, summary } = await verified((await download(marked.id)).rawPayload)
  t.equal(summary.ok, true)
  t.ok(summary.shredded >= 140, `${summary.shredded} sections of u-3`)
  t.strictSame([...new Set(findings.map(({ kind }) => kind))], ['shredded'])
  t.match(await ready({ format: 'bundle', upTo: bundle.upTo }), { sha256: bundle.sha256 })

  const certificate = (await call('acme.auditor', `/v1/erasures/${erasure}/certificate`)).json()
  const named = certificate.exports.find(({ id }: ExportView) => id === mine.id)
  t.match(named, {
    format: 'csv', requestedBy: { name: 'compliance' }, downloadedBy: [{ name: 'compliance' }]
  })
  t.notOk(certificate.exports.some(({ format }: ExportView) => format === 'bundle'))
  t.equal(certificate.moreExports, false)
  const page = await call('acme.auditor', {
    url: `/v1/erasures/${erasure}/certificate`, headers: { accept: 'text/html' }
  })
  t.match(page.body, mine.id)
  const later = await ready({ format: 'json' })
  const unchanged = (await call('acme.auditor', `/v1/erasures/${erasure}/certificate`)).json()
  t.notOk(unchanged.exports.some(({ id }: ExportView) => id === later.id))
})

/** An export of more bytes than the buffers of a connection hold. */
async function wideExport (): Promise<ExportView> {
  const wide = 'x'.repeat(60_000)
  for (let i = 0; i < 4; i++) {
    await append('acme', Array.from({ length: 50 }, (_, n) =>
      person('u-4', { data: { wide }, entity: { type: 'wide', id: `${i}-${n}` } })))
  }
  return await ready({ format: 'ndjson', entityType: 'wide' })
}

t.test('slow downloads take the tenant\'s places, and an erasure breaks them off', async (t) => {
  const { id, bytes } = await wideExport()
  const address = await service.app.listen({ host: '127.0.0.1', port: 0 })
  const headers = { authorization: `Bearer ${keys['acme.compliance']}` }
  const open = async () => {
    const request = http.get(`${address}/v1/exports/${id}/download`, { headers, agent: false })
    const [response] = await once(request, 'response')
    response.on('error', () => {})
    return response
  }
  const slow = []
  for (let i = 0; i < EXPORTS_AT_ONCE_MAX; i++) slow.push(await open())
  const [first, ...others] = slow
  const refused = await ask({ format: 'json' })
  t.equal(refused.statusCode, 429)
  t.ok(Number(refused.headers['retry-after']) > 0)
  t.equal((await download(id)).statusCode, 429)
  t.equal((await ask({ format: 'json' }, 'globex.compliance')).statusCode, 202, 'not others\'')
  for (const other of others) other.destroy()
  const taken = await until(async () => await ask({ format: 'json', tag: 'none' }),
    ({ statusCode }) => statusCode !== 429)
  t.equal(taken.statusCode, 404)

  let got = 0
  await erase('u-4')
  const ended = Promise.race([once(first, 'aborted'), once(first, 'end')])
  first.on('data', (chunk: Buffer) => { got += chunk.length })
  await ended
  t.notOk(first.complete)
  t.ok(got > 0 && got < Number(bytes), `${got} of ${bytes}`)
  await become(id, 'ready')
  t.notMatch((await download(id)).body, /Canary u-4/)
})
