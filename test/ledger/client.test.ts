import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'

import { isLedgerError } from '../../src/errors.ts'
import { createLog } from '../../src/ledger/client.ts'
import { mintId } from '../../src/ledger/ids.ts'
import type { AppendOutcome, Log, LogEvent } from '../../src/ledger/log.ts'
import { faultProxy } from '../fault-proxy.ts'
import { testNode } from '../helper.ts'

const event = (data: unknown = { some: 'thing' }): LogEvent =>
  ({ id: mintId(), type: 'order.updated', data })

const urlOf = (port: number): string => `esdb://127.0.0.1:${port}?tls=false`

function testLog (t: Test, options: Parameters<typeof createLog>[0]): Log {
  const log = createLog(options)
  t.teardown(async () => { await log.close() })
  return log
}

t.test('over a healthy connection', async (t) => {
  const node = await testNode(t)
  const log = testLog(t, { url: node.url })

  t.test('an empty log has no head and nothing to read', async () => {
    t.equal(await log.head(), undefined)
    t.same(await listOf(log.readAll()), [])
    t.same(await listOf(log.readStream('acme.order-0')), [])
  })

  t.test('appends say where the stream is', async () => {
    const [one, two, three] = [event(), event(), event()]
    const first = await log.append('acme.order-1', [one, two], undefined)
    t.match(first, { kind: 'appended', lastRevision: 1n })
    t.same(await log.append('acme.order-1', [one, two], undefined), first, 'a repetition')
    t.same(await log.append('acme.order-1', [three], undefined), { kind: 'conflict', current: 1n })
    t.same(await log.append('acme.order-1', [three], 5n), { kind: 'conflict', current: 1n })
    t.same(await log.append('acme.order-2', [three], 5n), { kind: 'conflict', current: undefined })
    t.match(await log.append('acme.order-1', [three], 1n), { kind: 'appended', lastRevision: 2n })
  })

  t.test('an event comes back as JSON, with its metadata, as it went', async () => {
    const data = { text: 'ß🦉\u2028', deep: [1, -0.5, 1e21, null, true, { '': [] }] }
    const sent = { ...event(data), metadata: { $correlationId: 'c-1', $causationId: 'ü' } }
    await log.append('acme.order-3', [sent], undefined)
    const [found] = await listOf(log.readStream('acme.order-3'))
    t.match(found, { id: sent.id, stream: 'acme.order-3', revision: 0n, type: sent.type })
    t.strictSame(found?.data, data)
    t.strictSame(found?.metadata, sent.metadata)
    t.equal(found?.position, found?.prepare)
  })

  t.test('streams and $all are read both ways, bounded, from where one likes', async () => {
    const revisions = async (options: Parameters<Log['readStream']>[1]): Promise<bigint[]> =>
      (await listOf(log.readStream('acme.order-1', options))).map((e) => e.revision)
    t.same(await revisions({}), [0n, 1n, 2n])
    t.same(await revisions({ from: 1n }), [1n, 2n])
    t.same(await revisions({ from: 3n }), [])
    t.same(await revisions({ from: 1n, max: 1 }), [1n])
    t.same(await revisions({ max: 0 }), [])
    t.same(await revisions({ direction: 'backward' }), [2n, 1n, 0n])
    t.same(await revisions({ direction: 'backward', from: 1n, max: 1 }), [1n])

    const all = await listOf(log.readAll())
    t.same(all.map(({ stream }) => stream), [
      'acme.order-1', 'acme.order-1', 'acme.order-1', 'acme.order-3'
    ])
    const from = { commit: all[1]?.position ?? 0n, prepare: all[1]?.prepare ?? 0n }
    t.same(await listOf(log.readAll({ from })), all.slice(1), 'forward: inclusive')
    t.same(await listOf(log.readAll({ from, max: 2 })), all.slice(1, 3))
    t.same(await listOf(log.readAll({ from, direction: 'backward' })), all.slice(0, 1))
    t.same(await listOf(log.readAll({ direction: 'backward', max: 2 })),
      [all[3], all[2]])
    t.same(await log.head(), { commit: all[3]?.position, prepare: all[3]?.prepare })
  })

  t.test('a bounded read of $all counts our events, not the log\'s own', async () => {
    for (let round = 0; round < 3; round++) {
      await log.append(`$system-${round}`, Array.from({ length: 40 }, () =>
        ({ ...event(), type: '$stats' })), undefined)
    }
    t.match(await log.head(), { commit: (await listOf(log.readAll())).at(-1)?.position })
    t.equal((await listOf(log.readAll({ max: 4 }))).length, 4)
    t.equal((await listOf(log.readAll({ max: 5 }))).length, 4)
  })

  t.test('what the client cannot bear never reaches it', async () => {
    const cycle: { self?: unknown } = {}
    cycle.self = cycle
    for (const data of [1n, { at: 1n }, cycle, () => 1, Symbol('x')]) {
      await t.rejects(log.append('acme.order-4', [event(data)], undefined), TypeError)
    }
    await t.rejects(log.append('acme.order-4', [event()], -1n), RangeError)
    await t.rejects(log.append('acme.order-4', [], undefined), RangeError)
    t.match(await log.append('acme.order-4', [event()], undefined), { kind: 'appended' })
  })

  t.test('more than the log takes is certainly not there', async () => {
    const big = event({ text: 'x'.repeat(1_100_000) })
    t.match(await log.append('acme.order-5', [big], undefined), { kind: 'unavailable' })
    t.same(await listOf(log.readStream('acme.order-5')), [])
  })

  t.test('a subscription gives what is there, says so, and goes on', async () => {
    const ours = await listOf(log.readAll())
    const stop = new AbortController()
    const seen: string[] = []
    for await (const delivery of log.subscribeAll({ signal: stop.signal })) {
      seen.push(delivery.kind === 'event' ? delivery.event.id : delivery.kind)
      if (delivery.kind === 'caught-up') await log.append('acme.order-6', [event()], undefined)
      else if (delivery.event.stream === 'acme.order-6') stop.abort()
    }
    t.same(seen.slice(0, -1), [...ours.map(({ id }) => id), 'caught-up'])
    t.equal(seen.length, ours.length + 2)
  })

  t.test('a subscription goes on after a position', async () => {
    const ours = await listOf(log.readAll())
    const stop = new AbortController()
    const after = { commit: ours[2]?.position ?? 0n, prepare: ours[2]?.prepare ?? 0n }
    const seen: string[] = []
    for await (const delivery of log.subscribeAll({ signal: stop.signal, after })) {
      if (delivery.kind === 'caught-up') stop.abort()
      else seen.push(delivery.event.id)
    }
    t.same(seen, ours.slice(3).map(({ id }) => id))
  })

  t.test('reads given up half way disturb nobody', async () => {
    await log.append('acme.long-1', Array.from({ length: 400 }, () => event()), undefined)
    const counts = await Promise.all(Array.from({ length: 10 }, async (_, index) => {
      let next = 0n
      for await (const { revision } of log.readStream('acme.long-1')) {
        if (revision !== next++) return `${revision} instead of ${next - 1n}`
        if (next === 150n && index % 2 === 0) break
      }
      return next
    }))
    t.same(counts, counts.map((_, index) => index % 2 === 0 ? 150n : 400n))
  })
})

t.test('a URL that is none, or asks for what would hide conflicts, is refused', async () => {
  for (const url of ['http://x', 'esdb://', 'esdb://x:y?tls=false&throwOnAppendFailure=false']) {
    t.throws(() => createLog({ url }), { code: 'CONFIG_INVALID' }, url)
  }
})

t.test('when the connection fails', async (t) => {
  const node = await testNode(t)
  const proxy = await faultProxy(t, node.port)
  const url = urlOf(proxy.port)
  const log = testLog(t, { url, appendTimeoutMs: 600, readTimeoutMs: 600 })
  const direct = testLog(t, { url: node.url })

  t.test('an append that nobody takes is unavailable, and works when somebody does', async () => {
    proxy.faults.refuse = true
    t.match(await log.append('acme.a-1', [event()], undefined), { kind: 'unavailable' })
    t.match(await log.append('acme.a-1', [event()], undefined), { kind: 'unavailable' })
    await t.rejects(listOf(log.readStream('acme.a-1')), { code: 'LOG_UNAVAILABLE' })
    await t.rejects(log.head(), { code: 'LOG_UNAVAILABLE' })
    proxy.faults.refuse = false
    t.match(await until(async () => await log.append('acme.a-1', [event()], undefined)),
      { kind: 'appended' })
    t.equal((await listOf(log.readStream('acme.a-1'))).length, 1)
  })

  t.test('silence is an unknown outcome in time, and does not last', async () => {
    proxy.faults.blackHole = true
    const begun = performance.now()
    const outcome = await log.append('acme.a-2', [event()], undefined)
    t.match(outcome, { kind: 'unknown' })
    await t.rejects(listOf(log.readStream('acme.a-1')), { code: 'LOG_UNAVAILABLE' })
    t.ok(performance.now() - begun < 2_500)
    proxy.faults.blackHole = false
    t.match(await until(async () => await log.append('acme.a-3', [event()], undefined)),
      { kind: 'appended' })
    t.equal((await listOf(log.readStream('acme.a-1'))).length, 1)
  })

  t.test('cut at any byte under load, every append settles and tells no lie', async () => {
    for (let round = 0; round < 16; round++) {
      const direction = round % 2 === 0 ? 'sent' : 'answered'
      proxy.cutAfter(direction, round % 2 === 0 ? 1 + round * 1_597 : 1 + round * 59)
      const outcomes = await Promise.all(Array.from({ length: 64 }, async (_, index) => {
        const sent = event({ text: 'x'.repeat(500) })
        const stream = `acme.cut-${round}~${index}`
        return { stream, sent, outcome: await log.append(stream, [sent], undefined) }
      }))
      for (const { stream, sent, outcome } of outcomes) {
        if (outcome.kind === 'unknown') continue
        const [found] = await listOf(direct.readStream(stream))
        const told = { appended: sent.id, unavailable: undefined, conflict: 'nobody' }
        if (found?.id !== told[outcome.kind]) t.fail(`${stream}: ${outcome.kind}, ${found?.id}`)
      }
      await until(async () => await log.append(`acme.round-${round}`, [event()], undefined))
    }
  })

  t.test('what breaks one log of a process does not end it, nor the other log', async () => {
    // Answers are on their way to the slow one when the client rejects all appends there are.
    const slowly = await faultProxy(t, node.port)
    slowly.faults.latencyMs = 30
    const slow = testLog(t, { url: urlOf(slowly.port) })
    const warm = async (): Promise<void> => {
      for (const each of [log, slow]) {
        await until(async () => await each.append(`acme.warm-${mintId()}`, [event()], undefined))
      }
    }
    for (let round = 0; round < 5; round++) {
      await warm()
      const both = Promise.all(Array.from({ length: 40 }, async (_, index) =>
        await (index % 2 === 0 ? log : slow)
          .append(`acme.two-${round}~${index}`, [event()], undefined)))
      await sleep(10 + round * 10)
      proxy.cut()
      for (const { kind } of await both) t.not(kind, 'conflict')
      await sleep(100)
    }
    await warm()
  })

  t.test('a break while more is waiting than the connection takes harms nobody', async () => {
    for (let round = 0; round < 5; round++) {
      await until(async () => await log.append(`acme.full-${mintId()}`, [event()], undefined))
      proxy.faults.blackHole = true
      const all = Promise.all(Array.from({ length: 64 }, async (_, index) => await log.append(
        `acme.full-${round}~${index}`, [event({ text: 'x'.repeat(30_000) })], undefined)))
      await sleep(100)
      proxy.cut()
      for (const { kind } of await all) t.not(kind, 'conflict')
      proxy.faults.blackHole = false
    }
  })

  t.test('a subscription that breaks says so', async () => {
    const stop = new AbortController()
    t.teardown(() => { stop.abort() })
    await t.rejects(async () => {
      for await (const delivery of log.subscribeAll({ signal: stop.signal })) {
        if (delivery.kind === 'caught-up') proxy.cut()
      }
    }, { code: 'LOG_UNAVAILABLE' })
    proxy.faults.blackHole = true
    await t.rejects(async () => {
      for await (const delivery of log.subscribeAll({ signal: stop.signal })) t.fail(delivery.kind)
    }, { code: 'LOG_UNAVAILABLE' }, 'one that never begins')
    proxy.faults.blackHole = false
    proxy.cut()
  })

  t.test('a subscription that the server ends in order is a fault too', async () => {
    const stop = new AbortController()
    const following = (async () => {
      for await (const delivery of direct.subscribeAll({ signal: stop.signal })) {
        if (delivery.kind === 'caught-up') node.stop().catch(() => undefined)
      }
    })()
    await t.rejects(following, { code: 'LOG_UNAVAILABLE' })
  })
})

async function listOf<T> (items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

/** The outcome once it is a good one, or the last bad one after 5 s. */
async function until (attempt: () => Promise<AppendOutcome>): Promise<AppendOutcome> {
  for (const begun = performance.now(); ;) {
    const outcome = await attempt().catch((err: unknown): AppendOutcome => {
      if (isLedgerError(err)) return { kind: 'unavailable', cause: err }
      throw err
    })
    if (outcome.kind === 'appended' || performance.now() - begun > 5_000) return outcome
    await sleep(50)
  }
}
