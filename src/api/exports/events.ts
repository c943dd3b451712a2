import type { ExportRecord } from '../../../projections/exports/queries.ts'
import type { EventInput } from '../../../schemas/events/index.ts'
import type {
  ExportDownloadedData, ExportedData, ExportRequestedData
} from '../../../schemas/events/export.ts'
import { EXPORT_TYPE } from '../../../schemas/events/ledger.ts'
import type { Caller } from '../auth.ts'
import { actorOf } from '../own-events.ts'

type Scoped = Pick<ExportRecord, 'id' | 'format' | 'filters' | 'upTo' | 'checkpoint' | 'continues'>

/** What every event of an export has alike. */
function about (
  id: string, action: string
): Pick<EventInput, 'action' | 'entity' | 'outcome'> {
  return {
    action: `ledger.${action}`, entity: { type: EXPORT_TYPE, id }, outcome: 'success'
  }
}

function what ({ format, filters, upTo, checkpoint, continues }: Scoped) {
  return {
    format,
    filters,
    upTo: String(upTo),
    checkpoint: checkpoint === null ? null : String(checkpoint),
    ...(continues === null ? {} : { continues: String(continues) })
  }
}

/** An export is asked for. */
export function requestedEvent (wanted: Scoped, expiresAt: string, caller: Caller): EventInput {
  const data: ExportRequestedData = { ...what(wanted), expiresAt }
  return {
    ...about(wanted.id, 'export_requested'), category: 'action', actor: actorOf(caller), data
  }
}

/** What it came to; in the name of the key that asked for it. */
export function exportedEvent (
  wanted: Scoped & Pick<ExportRecord, 'requestedBy'>,
  measured: Pick<ExportedData, 'rowCount' | 'bytes' | 'sha256' | 'changes'>
): EventInput {
  const { id, name } = wanted.requestedBy
  const actor = { type: 'service' as const, id, ...(name === null ? {} : { name }) }
  const data: ExportedData = { operation: 'export', ...what(wanted), ...measured }
  return { ...about(wanted.id, 'exported'), category: 'access', actor, data }
}

/** Bytes of it leave. */
export function downloadedEvent (
  id: string, caller: Caller, data: Omit<ExportDownloadedData, 'operation'>
): EventInput {
  return {
    ...about(id, 'export_downloaded'),
    category: 'access',
    actor: actorOf(caller),
    data: { operation: 'download', ...data }
  }
}

/** Nobody can download it any more. */
export function deletedEvent (id: string, caller: Caller): EventInput {
  return {
    ...about(id, 'export_deleted'), category: 'action', actor: actorOf(caller), data: {}
  }
}
