import { createReadStream, createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'

import type { ExportView } from '../../schemas/http/exports.ts'
import { parseVerifierKey } from '../../src/proof/keys.ts'
import { policyOf } from '../../src/proof/policy.ts'
import { verifyBundle } from '../../src/proof/verify.ts'
import { event, testService } from '../api/service.ts'
import { testFolder } from '../helper.ts'

const EVENTS = Number(process.env['FIGURE_EVENTS'] ?? 20_000)
const BATCH = 500
const MIB = 1_048_576
/** What a pass may add to the process, whatever is exported. */
const GROWTH_MAX_MIB = 160
const SLOW_READ_MS = 20

const service = await testService(t)
const { append, call, keys } = service
const url = await service.app.listen({ host: '127.0.0.1', port: 0 })
const folder = await testFolder(t)
const authorization = `Bearer ${keys['acme.compliance']}`

for (let from = 0; from < EVENTS; from += BATCH) {
  await append('acme', Array.from({ length: BATCH }, (_, at) => event({
    actor: { type: 'user', id: `u-${(from + at) % 200}`, name: 'Alice' },
    entity: { type: 'order', id: `o-${(from + at) % 997}` },
    outcome: (from + at) % 10 === 0 ? 'denied' : 'success',
    before: { status: 'pending', total: from },
    after: { status: 'paid', note: 'x'.repeat(300) }
  })))
}

const rss = (): number => process.memoryUsage().rss / MIB

/** The most that the process had while the work went on, in MiB. */
async function peak<T> (work: () => Promise<T>): Promise<[T, number]> {
  let most = rss()
  const timer = setInterval(() => { most = Math.max(most, rss()) }, 20)
  try {
    return [await work(), most]
  } finally {
    clearInterval(timer)
  }
}

async function prepared (wish: object): Promise<ExportView> {
  const asked = await call('acme.compliance', { method: 'POST', url: '/v1/exports', payload: wish })
  for (;;) {
    const view = (await call('acme.compliance', `/v1/exports/${asked.json().id}`)).json()
    if (view.state === 'ready') return view
    await sleep(20)
  }
}

const fetched = async (id: string, headers: Record<string, string> = {}): Promise<Response> =>
  await fetch(`${url}/v1/exports/${id}/download`, { headers: { authorization, ...headers } })

const seconds = (since: number): number => (performance.now() - since) / 1_000
const perSecond = (view: ExportView, took: number): string =>
  `${Math.round(Number(view.events) / took)} events/s, ` +
  `${(Number(view.bytes) / MIB / took).toFixed(1)} MiB/s`

for (const [name, wish] of Object.entries({
  csv: { format: 'csv' },
  json: { format: 'json' },
  ndjson: { format: 'ndjson' },
  'bundle of everything': { format: 'bundle' },
  'bundle of a filter': { format: 'bundle', outcome: 'denied' }
})) {
  t.test(`how fast, and in how much memory: ${name}`, async (t) => {
    let started = performance.now()
    const view = await prepared(wish)
    const preparing = seconds(started)
    globalThis.gc?.()
    const before = rss()
    started = performance.now()
    const file = join(folder, 'file')
    const [, most] = await peak(async () => {
      const { body } = await fetched(view.id)
      if (body !== null) await pipeline(Readable.fromWeb(body), createWriteStream(file))
    })
    const sending = seconds(started)
    t.comment(`${name}: ${view.events} events, ${(Number(view.bytes) / MIB).toFixed(1)} MiB; ` +
      `prepared ${perSecond(view, preparing)}; sent ${perSecond(view, sending)}; ` +
      `RSS ${before.toFixed()} MiB before, ${most.toFixed()} at most`)
    t.ok(most - before < GROWTH_MAX_MIB, `${(most - before).toFixed()} MiB more`)
    if (view.format !== 'bundle') return
    started = performance.now()
    const proven = await verified(file)
    t.comment(`${name}: verified ${Math.round(proven / seconds(started))} leaves/s`)
    t.equal(proven, view.events)
  })
}

t.test('a slow reader holds nothing in memory, and the end comes quickly again', async (t) => {
  const view = await prepared({ format: 'ndjson' })
  const before = rss()
  const [, most] = await peak(async () => {
    for await (const chunk of (await fetched(view.id)).body ?? []) {
      await sleep(SLOW_READ_MS * chunk.length / 65_536)
    }
  })
  t.comment(`slow reader: RSS ${before.toFixed()} MiB before, ${most.toFixed()} at most`)
  t.ok(most - before < GROWTH_MAX_MIB)
  const started = performance.now()
  const rest = await fetched(view.id, { range: 'bytes=-1' })
  t.equal((await rest.arrayBuffer()).byteLength, 1)
  t.comment(`the last byte alone: ${seconds(started).toFixed(2)} s`)
})

async function verified (file: string): Promise<number> {
  const answer = await call(undefined, '/.well-known/ledger-keys?origin=test/acme')
  const policy = policyOf([parseVerifierKey(answer.json().verifierKeys[0])])
  const run = verifyBundle(createReadStream(file), { policy })
  for (;;) {
    const { done, value } = await run.next()
    if (done === true) return value.proven
  }
}
