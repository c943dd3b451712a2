import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'

import { BLIND_MAX_EVENTS } from '../../src/ledger/cover.ts'
import { decode } from '../../src/ledger/codec.ts'
import type { LedgerOptions } from '../../src/ledger/ledger.ts'
import { replayAll, replayStream } from '../../src/ledger/read.ts'
import type { EventInput } from '../../schemas/events/index.ts'
import { testNode } from '../helper.ts'
import {
  about, codeOf, connect, down, ledgerOver, listOf, minted, one, receiptOf, SENDER, stream
} from './given.ts'
import { memoryVault } from './memory-vault.ts'

t.test('events are recorded', async (t) => {
  const node = await testNode(t)
  const log = await connect(t, node.url)
  const other = await connect(t, node.url)
  const ledger = ledgerOver(log)

  t.test('with a receipt that the log confirms', async (t) => {
    const event = about('1')
    const receipt = await receiptOf(ledger, event)
    const [recorded] = await stream(log, '1')
    const decoded = recorded && decode(recorded)
    t.match(receipt, {
      id: event.id,
      stream: 'acme.order-1',
      revision: 0n,
      position: recorded?.position,
      duplicate: false
    })
    t.match(decoded, {
      ok: true, event: { leafHash: receipt.leafHash, data: { recordedAt: receipt.recordedAt } }
    })
  })

  t.test('in the order they were sent, however many', async (t) => {
    const events = Array.from({ length: 1_200 }, (_, index) =>
      ({ ...minted('many'), data: { index } }))
    const results = await ledger.record(SENDER, events)
    t.same(results.map(codeOf), results.map(() => 'recorded'))
    const recorded = await stream(log, 'many')
    t.same(recorded.map(({ data }) => Reflect.get(Object(data), 'data')),
      events.map(({ data }) => data))
    t.same(results.map((result) => result.ok && result.receipt.revision),
      recorded.map(({ revision }) => revision))
  })

  t.test('once, if the same id is in a batch twice', async (t) => {
    const [event, changed] = [about('2'), about('2')]
    const results = await ledger.record(SENDER, [
      event, event, changed, { ...changed, outcome: 'denied' }, about('3')
    ])
    t.same(results.map(codeOf), ['recorded', 'recorded', 'recorded', 'ID_REUSED', 'recorded'])
    t.same(results.map((result) => result.ok && result.receipt.duplicate),
      [false, true, false, false, false])
    t.equal((await stream(log, '2')).length, 2)
  })

  t.test('once, if the same id is tried 100 times over two processes', async (t) => {
    // Two ledgers with nothing in common but log and vault.
    const event = about('4', { actor: { type: 'user', id: 'u-1', name: 'Alice' } })
    const vault = memoryVault()
    const pair = [log, other].map((each) => ledgerOver(each, { vault }))
    const results = await Promise.all(Array.from({ length: 100 }, async (_, index) => {
      await sleep(index % 7)
      return await one(pair[index % 2] ?? ledger, event)
    }))
    const [recorded, ...more] = await stream(log, '4')
    t.same(more, [])
    const decoded = recorded && decode(recorded)
    const receipts = results.map((result) => result.ok ? result.receipt : result.error.code)
    t.equal(receipts.filter((receipt) => Reflect.get(Object(receipt), 'duplicate') === false)
      .length, 1)
    const truth = {
      id: event.id,
      stream: 'acme.order-4',
      revision: 0n,
      position: recorded?.position,
      leafHash: decoded?.ok === true && decoded.event.leafHash
    }
    t.same(receipts.filter((receipt) => typeof receipt === 'string'), [])
    t.match(receipts, receipts.map(() => truth))
  })

  t.test('all, if two processes write to one stream at once', async (t) => {
    const pair = [ledgerOver(log), ledgerOver(other)]
    const results = (await Promise.all(Array.from({ length: 60 }, async (_, index) =>
      await (pair[index % 2] ?? ledger).record(SENDER, [about('5'), minted('5')])))).flat()
    t.same(results.map(codeOf), results.map(() => 'recorded'))
    const recorded = await stream(log, '5')
    t.equal(recorded.length, 120)
    t.equal(new Set(recorded.map(({ id }) => id)).size, 120)
    for (const result of results) {
      if (!result.ok) continue
      t.equal(recorded[Number(result.receipt.revision)]?.id, result.receipt.id)
    }
  })

  t.test('and refused under an id that says something else already', async (t) => {
    const event = about('6')
    await receiptOf(ledger, event)
    const changed = { ...event, data: { operation: 'delete' } }
    t.equal(codeOf(await one(ledger, changed)), 'ID_REUSED')
    t.equal(codeOf(await one(ledgerOver(other), changed)), 'ID_REUSED', 'by any process')
    t.match(await one(ledgerOver(other), event), { ok: true, receipt: { duplicate: true } })
    t.equal((await stream(log, '6')).length, 1)
  })

  t.test('and known by what the read models tell', async (t) => {
    const event = about('7')
    const receipt = await receiptOf(ledger, event)
    let asked = 0
    const lookup: LedgerOptions['lookup'] = async () => {
      asked++
      return [{
        known: new Map([[receipt.id, receipt]]), revisions: new Map([[receipt.stream, 0n]])
      }]
    }
    const knowing = ledgerOver(log, { lookup })
    t.same(await receiptOf(knowing, event), { ...receipt, duplicate: true })
    const results = await Promise.all(Array.from({ length: 50 }, () => one(knowing, about('7'))))
    t.same(results.map(codeOf), results.map(() => 'recorded'))
    t.ok(asked < 10, `50 requests at once asked ${asked} times`)
  })

  t.test('each for itself: one that is too large leaves the others alone', async (t) => {
    const large = about('8', { data: { text: 'x'.repeat(65_500) } })
    const results = await ledger.record(SENDER, [about('8'), large, about('8')])
    t.same(results.map(codeOf), ['recorded', 'EVENT_TOO_LARGE', 'recorded'])
    t.equal((await stream(log, '8')).length, 2)
  })

  t.test('in as many appends as the log\'s limit asks for', async (t) => {
    const events = Array.from({ length: 40 }, () =>
      about('9', { data: { text: 'x'.repeat(60_000) } }))
    t.same((await ledger.record(SENDER, events)).map(codeOf), events.map(() => 'recorded'))
    t.same((await stream(log, '9')).map(({ id }) => id), events.map(({ id }) => id))
  })

  t.test('without the read models too, while the stream is short', async (t) => {
    const blind = ledgerOver(log, { lookup: down })
    const event = about('10')
    const receipt = await receiptOf(ledger, event)
    t.same(await receiptOf(blind, event), { ...receipt, duplicate: true })
    t.equal(codeOf(await one(blind, about('10'))), 'recorded')
    t.equal((await stream(log, '10')).length, 2)

    const fill = async (count: number): Promise<void> => {
      await ledger.record(SENDER, Array.from({ length: count }, () => minted('11')))
    }
    await fill(BLIND_MAX_EVENTS)
    t.equal(codeOf(await one(ledgerOver(log, { lookup: down }), about('11'))), 'recorded')
    const results = await ledgerOver(log, { lookup: down })
      .record(SENDER, [about('11'), minted('11')])
    t.same(results.map(codeOf), ['DATABASE_UNAVAILABLE', 'recorded'],
      'an id that was made here needs no search')
  })

  t.test('no more at once than fit, and none of a batch that does not', async (t) => {
    const narrow = ledgerOver(log, { maxEvents: 10 })
    const [first, second, third] = await Promise.all([8, 3, 2].map(async (count) =>
      await narrow.record(SENDER, Array.from({ length: count }, () => about('12')))))
    t.same(first?.map(codeOf), Array(8).fill('recorded'))
    t.same(second?.map(codeOf), Array(3).fill('OVERLOADED'))
    t.same(third?.map(codeOf), Array(2).fill('recorded'))
    t.same((await narrow.record(SENDER, Array.from({ length: 20 }, () => about('12'))))
      .map(codeOf), Array(20).fill('recorded'), 'an idle ledger takes any batch')
    t.same(await narrow.record(SENDER, []), [])
    const light = ledgerOver(log, { maxBytes: 50_000 })
    const heavy = await light.record(SENDER, Array.from({ length: 3 }, () =>
      about('12', { data: { text: 'x'.repeat(20_000) } })))
    t.same(heavy.map(codeOf), ['recorded', 'recorded', 'OVERLOADED'])
    t.equal(codeOf(await one(light, about('12', { data: { text: 'x'.repeat(60_000) } }))),
      'recorded')
  })

  t.test('for the ledger itself, in its own words', async (t) => {
    const event: EventInput = {
      action: 'ledger.api_key_created',
      category: 'change',
      actor: { type: 'service', id: 'admin' },
      entity: { type: 'ledger_api_key', id: 'k-1' },
      outcome: 'success',
      data: { roles: ['auditor'] }
    }
    const [receipt] = await ledger.recordOwn('acme', [event])
    t.match(receipt, { stream: 'acme.ledger_api_key-k-1', revision: 0n })
    const wrong: EventInput[] = [
      { ...event, action: 'ledger.surprised' }, { ...event, category: 'action' },
      { ...event, entity: { type: 'order', id: '1' } }, { ...event, data: { roles: 'all' } },
      { ...event, actor: { type: 'user', id: 'u-1' } }
    ]
    for (const own of wrong) {
      await t.rejects(ledger.recordOwn('acme', [own]), { code: 'INVALID_EVENT' })
    }
    await t.rejects(ledgerOver(log, { lookup: async () => { throw new Error('odd') } })
      .recordOwn('acme', [event]), { code: 'INTERNAL' })
  })

  t.test('and replayed from the log: a stream, a tenant, from anywhere, to its end', async (t) => {
    const all = await listOf(replayAll(log, 'acme'))
    t.same((await listOf(replayStream(log, 'acme.order-5'))).length, 120)
    t.same((await listOf(replayStream(log, 'acme.order-5', { from: 118n }))).length, 2)
    t.same((await listOf(replayStream(log, 'acme.order-5', { from: 3n, until: 5n })))
      .map(({ revision }) => revision), [3n, 4n, 5n])
    t.same(await listOf(replayStream(log, 'acme.order-5', { from: 120n })), [])
    t.same(await listOf(replayStream(log, 'acme.nothing-1')), [])
    t.ok(all.every(({ stream }) => stream.startsWith('acme.')))
    const middle = all[1_000]
    const after = { commit: middle?.position ?? 0n, prepare: middle?.prepare ?? 0n }
    t.same((await listOf(replayAll(log, 'acme', { after }))).map(({ id }) => id),
      all.slice(1_001).map(({ id }) => id))
    t.same((await listOf(replayAll(log, 'acme', { until: after }))).length, 1_001)
    t.same(await listOf(replayAll(log, 'acm')), [], 'not a tenant whose name begins alike')
    const growing: string[] = []
    for await (const { id } of replayAll(log, 'acme')) {
      if (growing.push(id) === 1) await receiptOf(ledger, about('13'))
    }
    t.equal(growing.length, all.length, 'what comes later is not part of it')
  })
})
