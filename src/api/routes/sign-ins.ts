import { listSelection, type Selection } from '../../../projections/entries/queries.ts'
import type { EventView } from '../../../schemas/http/events.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import {
  FailedSignIns, GROUPS_DEFAULT, SIGN_INS_MAX, SignInsQuery, WINDOW_HOURS
} from '../../../schemas/http/sign-ins.ts'
import { inTenant } from '../../postgres/transaction.ts'
import { callerOf, tenantOf } from '../auth.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { countSignIns } from '../failed-sign-ins.ts'
import { requireRange } from '../filters.ts'
import { accessOf, presentRows, type Reader } from '../present.ts'
import { readTenant } from '../reading.ts'
import type { Services } from '../services.ts'

/** Events that are opened at a time: others are answered in between. */
const PAGE = 250
const HOUR_MS = 3_600_000

/** Who failed to sign in how often, or from where. */
export const failedSignIns = (services: Services): Endpoint => endpoint({
  summary: 'Count failed sign-ins',
  description: 'Events of category auth whose outcome is not success, by user or by the address ' +
    'they came from, the largest groups first. Addresses are sealed, each under the key of the ' +
    'user who acts, or else of the person it happened to, so that nothing but opening them can ' +
    `count them: the newest ${SIGN_INS_MAX} of the window are looked at, and complete says ` +
    'whether that was all.',
  operationId: 'countFailedSignIns',
  tags: ['trails and feeds'],
  querystring: SignInsQuery,
  headers: AtLeast,
  response: { 200: FailedSignIns }
}, async (request, reply) => {
  const { groupBy = 'user', threshold = 1, top = GROUPS_DEFAULT, action, to } = request.query
  const { from = new Date(services.now() - WINDOW_HOURS * HOUR_MS).toISOString() } = request.query
  requireRange('to', from, to)
  const caller = callerOf(request)
  const reader = { tenant: tenantOf(caller), access: accessOf(caller) }
  const selection: Selection = { filter: { category: 'auth', failed: true, action, from, to } }
  // Waits for Ledger-At-Least and says which position the answer reflects.
  await readTenant(services, request, reply, async () => undefined)
  const counting = countSignIns({ groupBy, threshold, top })
  let looked = 0
  for await (const event of newestFirst(services, reader, selection)) {
    if (++looked > SIGN_INS_MAX) break
    counting.add(event)
  }
  const result = counting.result()
  request.eventsRead = result.events
  return { ...result, complete: looked <= SIGN_INS_MAX }
})

/** The events of a selection as the reader sees them, read page by page. */
async function * newestFirst (
  services: Services, reader: Reader, selection: Selection
): AsyncGenerator<EventView> {
  let before: bigint | undefined
  while (true) {
    const rows = await inTenant(services.pool, reader.tenant, async (tx) =>
      await listSelection(tx, selection, { limit: PAGE, before }))
    for (const text of await presentRows(services, reader, rows)) yield JSON.parse(text)
    before = rows.at(-1)?.position
    if (rows.length < PAGE) return
  }
}
