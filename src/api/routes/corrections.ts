import { findEvent } from '../../../projections/entries/queries.ts'
import { CorrectionInput } from '../../../schemas/http/corrections.ts'
import { AppendHeaders, NoQuery, Receipt, type EventView } from '../../../schemas/http/events.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import { Type } from '@sinclair/typebox'
import { LedgerError } from '../../errors.ts'
import { idFromKey } from '../../ledger/ids.ts'
import { callerOf, tenantOf, type Caller } from '../auth.ts'
import { correctionEvent } from '../corrections.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { presentRows } from '../present.ts'
import { readTenant } from '../reading.ts'
import { refuseRemoved } from '../removed.ts'
import type { Services } from '../services.ts'
import { answerAppended } from './append.ts'

/** Corrects an event by another one; the event itself stays as it is. */
export const correctEvent = (services: Services): Endpoint => endpoint({
  summary: 'Correct an event',
  description: 'Records an event that supersedes or annotates another, which stays as it is and ' +
    'shows it as correctedBy. Producers correct what they sent, compliance whatever it reads. ' +
    'Ledger-At-Least lets an event be corrected that was recorded just before.',
  operationId: 'correctEvent',
  tags: ['ingest'],
  querystring: NoQuery,
  headers: Type.Composite([AppendHeaders, AtLeast]),
  body: CorrectionInput,
  response: { 200: Receipt, 201: Receipt }
}, async (request, reply) => {
  const caller = callerOf(request)
  const owner = { tenant: tenantOf(caller), source: caller.name }
  const { corrects } = request.body
  const row = await readTenant(services, request, reply, async (tx) => {
    return await findEvent(tx, corrects) ?? await refuseRemoved(tx, corrects)
  })
  const reader = { tenant: owner.tenant, access: 'opened' } as const
  const [text] = await presentRows(services, reader, row === undefined ? [] : [row])
  const original: EventView | undefined = text === undefined ? undefined : JSON.parse(text)
  if (original === undefined || !mayCorrect(caller, original)) {
    throw new LedgerError('NOT_FOUND', 'You sent no such event, or reads do not show it yet')
  }
  await services.requireSoundLog()
  const [settings, known] = await Promise.all([
    services.settings.get(owner.tenant), services.vocabulary.get(owner.tenant)
  ])
  const event = correctionEvent(request.body, original, { known, mode: settings.schemas })
  const key = request.headers['idempotency-key']
  const id = event.id ?? (key === undefined ? undefined : idFromKey(key, 0, owner))
  const [result] = await services.ledger.record(
    { ...owner, settings }, [id === undefined ? event : { ...event, id }])
  return await answerAppended(services, request, reply, result)
})

function mayCorrect ({ roles, name }: Caller, { source }: EventView): boolean {
  return roles.includes('compliance') || source === name
}
