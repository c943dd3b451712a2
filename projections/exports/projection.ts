import { TypeCompiler } from '@sinclair/typebox/compiler'
import {
  ExportDeletedData, ExportDownloadedData, ExportedData, ExportRequestedData
} from '../../schemas/events/export.ts'
import { EXPORT_TYPE } from '../../schemas/events/ledger.ts'
import type { DecodedEvent } from '../../schemas/recorded.ts'
import { applyOwn, ownData, type OwnHandler } from '../own-data.ts'
import type { Projection, Tx } from '../projection.ts'

/** Keys that an export names as having taken it; that there were more is told by `downloads`. */
export const DOWNLOADERS_MAX = 100

const requested = TypeCompiler.Compile(ExportRequestedData)
const exported = TypeCompiler.Compile(ExportedData)
const downloaded = TypeCompiler.Compile(ExportDownloadedData)
const deleted = TypeCompiler.Compile(ExportDeletedData)

/** By action. */
const HANDLERS: ReadonlyMap<string, OwnHandler> = new Map([
  ['ledger.export_requested', request],
  ['ledger.exported', prepare],
  ['ledger.export_downloaded', download],
  ['ledger.export_deleted', remove]
])

/** One row per export. */
export const exports: Projection = {
  name: 'exports',
  version: 2,
  tables: 'projections/exports/tables.sql',
  views: ['export'],
  apply: applyOwn(HANDLERS)
}

async function request (event: DecodedEvent, tx: Tx): Promise<boolean> {
  const said = ownData(event, EXPORT_TYPE, requested)
  if (said === undefined) return false
  const { tenant, entity, recordedAt, actor } = event.data
  await tx.query(`
    insert into export (
      tenant, id, position, format, filters, up_to, checkpoint, continues, requested_at,
      requested_by, requested_by_name, expires_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    on conflict do nothing`,
  [tenant, entity?.id, event.position, said.format, JSON.stringify(said.filters), said.upTo,
    said.checkpoint, said.continues, recordedAt, actor.id ?? '', actor.name, said.expiresAt])
  return true
}

async function prepare (event: DecodedEvent, tx: Tx): Promise<boolean> {
  const said = ownData(event, EXPORT_TYPE, exported)
  if (said === undefined) return false
  const { tenant, entity, recordedAt } = event.data
  await tx.query(`
    update export set prepared_at = $3, events = $4, bytes = $5, sha256 = $6, changes = $7
    where tenant = $1 and id = $2`,
  [tenant, entity?.id, recordedAt, said.rowCount, said.bytes, said.sha256, said.changes])
  return true
}

async function download (event: DecodedEvent, tx: Tx): Promise<boolean> {
  const said = ownData(event, EXPORT_TYPE, downloaded)
  if (said === undefined) return false
  const { tenant, entity, recordedAt, actor } = event.data
  const by = JSON.stringify([{ id: actor.id ?? '', name: actor.name ?? null }])
  await tx.query(`
    update export set downloads = downloads + $6, downloaded_at = $3, downloaded_by =
      case when downloaded_by @> $4::jsonb or jsonb_array_length(downloaded_by) >= $5
        then downloaded_by else downloaded_by || $4::jsonb end
    where tenant = $1 and id = $2`,
  [tenant, entity?.id, recordedAt, by, DOWNLOADERS_MAX, said.times])
  return true
}

async function remove (event: DecodedEvent, tx: Tx): Promise<boolean> {
  if (ownData(event, EXPORT_TYPE, deleted) === undefined) return false
  const { tenant, entity, recordedAt } = event.data
  await tx.query(`
    update export set deleted_at = $3 where tenant = $1 and id = $2 and deleted_at is null`,
  [tenant, entity?.id, recordedAt])
  return true
}
