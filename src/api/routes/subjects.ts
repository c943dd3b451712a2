import { isRef } from '../../../projections/entries/filter.ts'
import { NoQuery } from '../../../schemas/http/events.ts'
import { AtLeast } from '../../../schemas/http/paging.ts'
import { ReportLine, SubjectParams } from '../../../schemas/http/subjects.ts'
import { LedgerError } from '../../errors.ts'
import { callerOf, tenantOf } from '../auth.ts'
import { NDJSON_TYPE } from '../bodies.ts'
import { readPosition } from '../consistency.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { personRefs } from '../filters.ts'
import { sendLines } from '../ndjson.ts'
import { problemOf, toLedgerError } from '../problems.ts'
import { readTenant } from '../reading.ts'
import type { Services } from '../services.ts'
import { countReport, refuseErased, reportLines, type ReportOf } from '../subject-report.ts'

/** Everything about one person. */
export const subjectReport = (services: Services): Endpoint => endpoint({
  summary: 'Report everything about a person',
  description: 'NDJSON (GDPR art. 15): a head, then every event by, about or with data of the ' +
    'person, erasures and holds, and who read about them, the oldest first. The person\'s own ' +
    'data is opened, what is personal to others stays sealed. The last line says whether it is ' +
    'whole. 404 for a person whom the ledger does not know, or does not know any more.',
  operationId: 'reportSubject',
  tags: ['privacy'],
  params: SubjectParams,
  querystring: NoQuery,
  headers: AtLeast,
  response: { 200: { content: { [NDJSON_TYPE]: { schema: ReportLine } } } }
}, async (request, reply) => {
  const tenant = tenantOf(callerOf(request))
  const subject = request.params
  services.longRead(tenant, reply)
  const person = await personRefs(services.vault, tenant, subject)
  const { report, counts } = await readTenant(services, request, reply, async (tx) => {
    if (person === undefined) {
      if (isRef(subject.id)) await refuseErased(tx, [subject.id])
      throw new LedgerError('NOT_FOUND', 'The ledger knows no such person')
    }
    const refs = [person.ref, ...person.others ?? []] as const
    const report: ReportOf = { tenant, subject, refs, position: await readPosition(tx) ?? 0n }
    return { report, counts: await countReport(tx, report) }
  })
  request.eventsRead = counts.events
  const lines = reportLines(services, report, counts, (err) => {
    const error = toLedgerError(err)
    request.log.error({ err: error }, 'a report broke off')
    return problemOf(error, request.id)
  })
  return await sendLines(reply, lines)
})
