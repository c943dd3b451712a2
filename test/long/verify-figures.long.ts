import { performance } from 'node:perf_hooks'
import t from 'tap'

import { verifyLive } from '../../src/cli/verify/live.ts'
import { remoteLedger, type Remote } from '../../src/cli/verify/remote.ts'
import type { Finding } from '../../src/proof/finding.ts'
import { parsePolicy } from '../../src/proof/policy.ts'
import { event, testService, until } from '../api/service.ts'

const EVENTS = Number(process.env['FIGURE_EVENTS'] ?? 20_000)
const BATCH = 500
const MIB = 1_048_576

const service = await testService(t)
const { append, call, keys } = service
const url = await service.app.listen({ host: '127.0.0.1', port: 0 })

for (let from = 0; from < EVENTS; from += BATCH) {
  await append('acme', Array.from({ length: BATCH }, (_, at) => event({
    actor: { type: 'user', id: `u-${(from + at) % 200}`, name: 'Alice' },
    entity: { type: 'order', id: `o-${(from + at) % 997}` },
    before: { status: 'pending', total: from },
    after: { status: 'paid', note: 'x'.repeat(300) },
    context: { ip: '10.0.0.1', requestId: `r-${at}` }
  })))
}
await until(async () => (await call('acme.auditor', {
  url: '/v1/checkpoint', headers: { accept: 'application/json' }
})).json(), ({ size }) => Number(size) >= EVENTS)

/** A ledger that takes note of how long each kind of question took. */
function timed (remote: Remote, spent: Map<string, number>): Remote {
  const note = async <T>(path: string, work: Promise<T>): Promise<T> => {
    const started = performance.now()
    try {
      return await work
    } finally {
      const kind = path.split(/[/?]/).slice(2, 3).join('')
      spent.set(kind, (spent.get(kind) ?? 0) + performance.now() - started)
    }
  }
  return {
    ...remote,
    json: async (path) => await note(path, remote.json(path)),
    bytes: async (path) => await note(path, remote.bytes(path))
  }
}

t.test('how fast a running ledger is verified, whole', async (t) => {
  const { policy } = (await call(undefined, '/.well-known/ledger-keys?origin=test/acme')).json()
  const spent = new Map<string, number>()
  const findings: Finding[] = []
  const started = performance.now()
  const { leaves, rows, trails } = await verifyLive({
    remote: timed(remoteLedger(url, keys['acme.auditor'] ?? ''), spent),
    policy: parsePolicy(policy),
    kept: undefined,
    tell: (found) => { findings.push(...found) }
  })
  const took = (performance.now() - started) / 1_000
  t.strictSame(findings, [])
  t.ok(leaves >= EVENTS && rows === leaves)
  t.comment(`${leaves} leaves, ${rows} rows, ${trails} trails and feeds in ${took.toFixed(1)} s: ` +
    `${Math.round(leaves / took)} leaves/s; RSS ${(process.memoryUsage().rss / MIB).toFixed()} MiB`)
  t.comment(`waited for ${[...spent].map(([kind, ms]) => `${kind} ${(ms / 1_000).toFixed(1)} s`)
    .join(', ')}; the rest is the log and comparing`)
})
