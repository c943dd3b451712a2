import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { createCoalesced, WINDOW_MS } from '../../../src/api/coalesce.ts'
import { createDownloads } from '../../../src/api/exports/downloads.ts'
import { createExportWork, RETRY_MS } from '../../../src/api/exports/work.ts'
import { EXPORTS_AT_ONCE_MAX } from '../../../schemas/http/exports.ts'
import { isLedgerError } from '../../../src/errors.ts'

const nothing = (): void => {}

t.test('a tenant has so many places, each given back once', async (t) => {
  const work = createExportWork(() => 0)
  const places = Array.from({ length: EXPORTS_AT_ONCE_MAX }, () => work.take('acme'))
  t.throws(() => work.take('acme'), { code: 'TOO_MANY_EXPORTS' })
  t.doesNotThrow(() => work.take('globex'))
  places[0]?.()
  places[0]?.()
  work.take('acme')
  t.throws(() => work.take('acme'), { code: 'TOO_MANY_EXPORTS' })
})

t.test('one preparation of an export is under way, and a failed one is tried again', async (t) => {
  let now = 0
  let runs = 0
  const work = createExportWork(() => now)
  let fail: (err: Error) => void = nothing
  const run = async (): Promise<void> => {
    runs++
    await new Promise((_resolve, reject) => { fail = reject })
  }
  work.start('a', nothing, run)
  let released = false
  work.start('a', () => { released = true }, run)
  t.equal(runs, 1)
  t.ok(released, 'the second place is given back at once')
  fail(new Error('no'))
  await turn()
  t.strictSame(work.job('a'), { share: 0, failedAt: 0 })
  now = RETRY_MS - 1
  t.ok(work.job('a'))
  now = RETRY_MS
  t.equal(work.job('a'), undefined)
  work.start('a', nothing, async () => {})
  await turn()
  t.equal(work.job('a'), undefined)
})

t.test('what is distrusted is trusted when it was prepared again', async (t) => {
  const work = createExportWork(() => 0)
  work.distrust('a')
  t.notOk(work.trusts('a'))
  work.start('a', nothing, async () => {})
  await turn()
  t.ok(work.trusts('a'))
})

t.test('closing ends what is under way and starts nothing', async (t) => {
  const work = createExportWork(() => 0)
  let stopped: unknown
  work.start('a', nothing, async (_job, signal) => {
    await new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        stopped = signal.reason
        reject(signal.reason)
      })
    })
  })
  await work.close()
  t.ok(isLedgerError(stopped, 'OVERLOADED'))
  work.start('b', nothing, async () => { t.fail('it runs') })
})

const CALLER = {
  keyId: 'k',
  tenant: 'acme',
  name: 'compliance',
  roles: ['compliance'] as const,
  subjectRef: undefined
}
const SHA256 = 'ab'.repeat(32)

t.test('downloads of a key within the window are told as one, whether or not another follows',
  async (t) => {
    let now = 0
    let up = true
    const told: unknown[] = []
    const coalesced = createCoalesced({
      record: async (_tenant, events) => {
        if (!up) throw new Error('away')
        told.push(...events)
      },
      now: () => now,
      newId: () => 'made',
      failed: (err) => { throw err }
    })
    t.teardown(async () => { await coalesced.close() })
    const record = createDownloads(coalesced)
    const leaving = { id: 'x', refs: [], sha256: SHA256, from: 0 }
    up = false
    await t.rejects(record(CALLER, leaving), { message: 'away' })
    up = true
    await record(CALLER, leaving)
    await record(CALLER, { ...leaving, from: 7 })
    now = WINDOW_MS - 1
    await record(CALLER, leaving)
    t.match(told, [{ data: { operation: 'download', sha256: SHA256, from: 0, times: 1 } }])
    t.equal(told.length, 1)
    await record({ ...CALLER, keyId: 'other' }, leaving)
    await record(CALLER, { ...leaving, sha256: 'cd'.repeat(32) })
    t.equal(told.length, 3, 'another key, and other bytes, are others')
    now = WINDOW_MS
    await coalesced.sweep()
    t.match(told.slice(3), [{ data: { sha256: SHA256, times: 2 } }])
  })
