import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'

import type { Ledger, Receipt } from '../../src/ledger/ledger.ts'
import type { EventInput } from '../../schemas/events/index.ts'
import { faultProxy } from '../fault-proxy.ts'
import { testNode } from '../helper.ts'
import { about, codeOf, connect, ledgerOver, minted, one, stream } from './given.ts'

t.test('when the log fails', async (t) => {
  const node = await testNode(t)
  const proxy = await faultProxy(t, node.port)
  const url = `esdb://127.0.0.1:${proxy.port}?tls=false`
  const log = await connect(t, url, { appendTimeoutMs: 400, readTimeoutMs: 400 })
  const direct = await connect(t, node.url)

  /** Sends until it is recorded, as a producer with patience does. */
  const insist = async (ledger: Ledger, event: EventInput): Promise<Receipt> => {
    for (let tries = 0; ; tries++) {
      const result = await one(ledger, event)
      if (result.ok) return result.receipt
      if (tries === 100 || result.error.code !== 'LOG_UNAVAILABLE') throw result.error
      await sleep(50)
    }
  }

  t.test('at whatever byte the connection is cut, each event is there once', async (t) => {
    const ledger = ledgerOver(log)
    const events: EventInput[] = []
    for (let round = 0; round < 30; round++) {
      // Before the commit, around it, and after it while the answer is on its way.
      if (round % 3 === 0) proxy.cutAfter('sent', 1 + (round * 173) % 2_500)
      else if (round % 3 === 1) proxy.cutAfter('answered', 1 + (round * 7) % 120)
      else setTimeout(() => { proxy.cut() }, round % 5)
      const group = Array.from({ length: 8 }, (_, index) => about(`cut-${index % 3}`))
      events.push(...group)
      const receipts = await Promise.all(group.map((event) => insist(ledger, event)))
      t.same(receipts.map(({ id }) => id), group.map(({ id }) => id))
    }
    const found = (await Promise.all(['0', '1', '2'].map((index) =>
      stream(direct, `cut-${index}`)))).flat().map(({ id }) => id)
    t.same(found.sort(), events.map(({ id }) => id).sort())
  })

  t.test('nothing is acknowledged that is not there, and it heals by itself', async (t) => {
    const ledger = ledgerOver(log)
    const before = await insist(ledger, about('gone'))
    proxy.faults.refuse = true
    proxy.cut()
    const refused = await one(ledger, about('gone'))
    t.match(refused, { ok: false, error: { code: 'LOG_UNAVAILABLE', details: { retryAfterS: 1 } } })
    await sleep(4_000)
    t.equal(codeOf(await one(ledger, about('gone'))), 'LOG_UNAVAILABLE')
    proxy.faults.refuse = false
    const healed = performance.now()
    const after = await insist(ledger, about('gone'))
    t.ok(performance.now() - healed < 3_000, `${performance.now() - healed} ms`)
    t.equal(after.revision, before.revision + 1n)
  })

  t.test('killed and started again, it still knows every id', async (t) => {
    const [event, later] = [about('killed'), about('killed')]
    const ledger = ledgerOver(log)
    const receipt = await insist(ledger, event)
    await node.restart()
    t.same(await insist(ledgerOver(log), event), { ...receipt, duplicate: true })
    t.match(await insist(ledger, later), { revision: 1n, duplicate: false })
  })

  t.test('a log that lost what it had is a regression, not an empty page', async (t) => {
    const stale = ledgerOver(log, {
      lookup: async () => [{ known: new Map(), revisions: new Map([['acme.order-lost', 7n]]) }]
    })
    t.equal(codeOf(await one(stale, about('lost'))), 'LOG_REGRESSION')
    t.equal(codeOf(await one(stale, minted('lost'))), 'LOG_REGRESSION')
    t.same(await stream(direct, 'lost'), [])
  })
})
