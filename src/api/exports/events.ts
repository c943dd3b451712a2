import { isRef } from '../../../projections/entries/filter.ts'
import type { ExportRecord } from '../../../projections/exports/queries.ts'
import type { EventInput } from '../../../schemas/events/index.ts'
import type {
  ExportDownloadedData, ExportedData, ExportRequestedData
} from '../../../schemas/events/export.ts'
import { EXPORT_TYPE, SUBJECT_TYPE } from '../../../schemas/events/ledger.ts'
import type { Caller } from '../auth.ts'
import { actorOf } from '../own-events.ts'
import type { Services } from '../services.ts'

type Scoped = Pick<ExportRecord, 'id' | 'format' | 'filters' | 'upTo' | 'checkpoint' | 'continues'>

/** What every event of an export has alike. */
function about (
  id: string, action: string, refs: readonly string[] = []
): Pick<EventInput, 'action' | 'entity' | 'outcome' | 'related'> {
  return {
    action: `ledger.${action}`,
    entity: { type: EXPORT_TYPE, id },
    outcome: 'success',
    ...(refs.length > 0 && { related: refs.map((ref) => ({ type: SUBJECT_TYPE, id: ref })) })
  }
}

/**
 * The persons whom an export was asked for by name: it is part of their trails that somebody took
 * out what is about them. Whoever was erased has no ref any more.
 */
export async function personsIn (
  { vault }: Pick<Services, 'vault'>, tenant: string, { filters }: Pick<ExportRecord, 'filters'>
): Promise<string[]> {
  const named = [filters['actor'], filters['entity']]
    .map((party) => String(Reflect.get(Object(party), 'key'))).filter(isRef)
  return [...(await vault.keys(tenant, [...new Set(named)])).keys()]
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
export function requestedEvent (
  wanted: Scoped & { refs: readonly string[] }, expiresAt: string, caller: Caller
): EventInput {
  const data: ExportRequestedData = { ...what(wanted), expiresAt }
  return {
    ...about(wanted.id, 'export_requested', wanted.refs),
    category: 'action',
    actor: actorOf(caller),
    data
  }
}

/** What it came to; in the name of the key that asked for it. */
export function exportedEvent (
  wanted: Scoped & Pick<ExportRecord, 'requestedBy'> & { refs: readonly string[] },
  measured: Pick<ExportedData, 'rowCount' | 'bytes' | 'sha256' | 'changes'>
): EventInput {
  const { id, name } = wanted.requestedBy
  const actor = { type: 'service' as const, id, ...(name === null ? {} : { name }) }
  const data: ExportedData = { operation: 'export', ...what(wanted), ...measured }
  return { ...about(wanted.id, 'exported', wanted.refs), category: 'access', actor, data }
}

/** Bytes of it leave. */
export function downloadedEvent (
  { id, refs }: { id: string, refs: readonly string[] }, caller: Caller,
  data: Omit<ExportDownloadedData, 'operation'>
): EventInput {
  return {
    ...about(id, 'export_downloaded', refs),
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
