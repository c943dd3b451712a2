import t from 'tap'
import { DOWNLOADERS_MAX, exports } from '../../../projections/exports/projection.ts'
import {
  countKept, exportsShowing, findExport, listExports
} from '../../../projections/exports/queries.ts'
import type { DecodedEvent } from '../../../schemas/recorded.ts'
import { decodedEvent, given, uuid } from '../../given.ts'

const SHA256 = 'ab'.repeat(32)
const [A, B, C] = [uuid(101), uuid(102), uuid(103)]

function said (
  n: number, action: string, { id, data = {}, by = 'k1', tenant = 'acme' }:
  { id: string, data?: unknown, by?: string, tenant?: string }
): DecodedEvent {
  return decodedEvent(n, {
    action: `ledger.${action}`,
    data: {
      tenant,
      actor: { type: 'service', id: by, name: `key ${by}` },
      entity: { type: 'ledger_export', id },
      data
    }
  })
}

const scope = (format: string, upTo: string) =>
  ({ format, filters: { outcome: 'denied' }, upTo, checkpoint: format === 'bundle' ? '7' : null })
const requested = (format: string, upTo: string, day: number) =>
  ({ ...scope(format, upTo), expiresAt: `2026-02-0${day}T00:00:00.000Z` })
const exported = (format: string, upTo: string, changes = 0) => ({
  operation: 'export', ...scope(format, upTo), rowCount: 3, bytes: 99, sha256: SHA256, changes
})
const download = { operation: 'download', sha256: SHA256, from: 0, times: 1 }

const EVENTS = [
  said(1, 'export_requested', { id: A, data: requested('csv', '50', 1) }),
  said(2, 'exported', { id: A, data: exported('csv', '50') }),
  said(3, 'export_requested', { id: B, data: requested('bundle', '250', 2) }),
  said(4, 'export_downloaded', { id: A, by: 'k2', data: download }),
  said(5, 'export_downloaded', { id: A, by: 'k1', data: download }),
  said(6, 'export_downloaded', { id: A, by: 'k2', data: { ...download, times: 2 } }),
  said(7, 'exported', { id: A, data: exported('csv', '50', 1) }),
  said(8, 'exported', { id: B, data: exported('bundle', '250') }),
  said(9, 'export_requested', { id: C, data: requested('json', '800', 3) }),
  said(10, 'export_deleted', { id: B }),
  said(11, 'export_deleted', { id: B }),
  said(12, 'export_requested', {
    id: uuid(104), tenant: 'other', data: requested('csv', '1100', 1)
  })
]

t.test('an export is what its events say, however they are batched', async (t) => {
  const sql = 'select * from read.export order by position'
  const whole = await given(t, exports).events(EVENTS).rows(sql)
  t.equal(whole.length, 3, 'without those of others')
  for (const size of [1, 2, 5]) {
    let store = given(t, exports)
    for (let i = 0; i < EVENTS.length; i += size) store = store.events(EVENTS.slice(i, i + size))
    t.strictSame(await store.rows(sql), whole, `batches of ${size}`)
  }
})

t.test('exports are found, listed newest first, and counted', async (t) => {
  const { read } = await given(t, exports).events(EVENTS).ready()
  t.match(await read(async (tx) => await findExport(tx, A)), {
    position: 100n,
    format: 'csv',
    filters: { outcome: 'denied' },
    upTo: 50n,
    checkpoint: null,
    requestedBy: { id: 'k1', name: 'key k1' },
    expiresAt: '2026-02-01T00:00:00.000Z',
    prepared: { events: 3, bytes: 99, sha256: SHA256, changes: 1 },
    downloads: 4,
    downloadedBy: [{ id: 'k2', name: 'key k2' }, { id: 'k1', name: 'key k1' }],
    deletedAt: null
  })
  t.match(await read(async (tx) => await findExport(tx, B)), {
    checkpoint: 7n, deletedAt: EVENTS[9]?.data.recordedAt
  }, 'deleted when it first was')
  t.match(await read(async (tx) => await findExport(tx, C)), { prepared: undefined, downloads: 0 })
  t.equal(await read(async (tx) => await findExport(tx, uuid(104))), undefined)

  const ids = async (page: { before?: bigint, limit: number }) =>
    (await read(async (tx) => await listExports(tx, page))).map(({ id }) => id)
  t.strictSame(await ids({ limit: 10 }), [C, B, A])
  t.strictSame(await ids({ limit: 1, before: 900n }), [B])

  const kept = async (now: string) => await read(async (tx) => await countKept(tx, now))
  t.equal(await kept('2026-01-31T23:59:59.999Z'), 2)
  t.equal(await kept('2026-02-01T00:00:00.000Z'), 1, 'past its time')
})

t.test('exports that may show an event are those in clear that were prepared', async (t) => {
  const { read } = await given(t, exports).events(EVENTS).ready()
  const showing = async (from: bigint, before: bigint) =>
    (await read(async (tx) => await exportsShowing(tx, { from, before, limit: 10 })))
      .map(({ id }) => id)
  t.strictSame(await showing(50n, 2_000n), [A])
  t.strictSame(await showing(51n, 2_000n), [], 'it came after what was exported')
  t.strictSame(await showing(50n, 100n), [], 'the export came after what is asked')
})

t.test(`${DOWNLOADERS_MAX} keys are named, and all downloads counted`, async (t) => {
  const many = Array.from({ length: DOWNLOADERS_MAX + 1 }, (_, n) =>
    said(20 + n, 'export_downloaded', { id: A, by: `many-${n}`, data: download }))
  const { read } = await given(t, exports).events([...EVENTS.slice(0, 2), ...many]).ready()
  const found = await read(async (tx) => await findExport(tx, A))
  t.equal(found?.downloads, DOWNLOADERS_MAX + 1)
  t.equal(found?.downloadedBy.length, DOWNLOADERS_MAX)
})

t.test('what the ledger does not write is parked', async (t) => {
  const odd = [
    said(1, 'export_requested', { id: A, data: { format: 'csv' } }),
    said(2, 'exported', { id: 'no-uuid', data: exported('csv', '50') }),
    said(3, 'export_downloaded', { id: A, data: { ...download, more: 1 } }),
    said(4, 'export_deleted', { id: A, data: { why: 'x' } })
  ]
  const { parked } = await given(t, exports).events(odd).ready()
  t.strictSame(parked.map(({ code }) => code), odd.map(() => 'MALFORMED'))
})
