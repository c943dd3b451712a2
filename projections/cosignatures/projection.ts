import { CHECKPOINT_ACTION, COSIGNED_ENTITY } from '../../schemas/checkpoint.ts'
import type { DecodedEvent } from '../../schemas/recorded.ts'
import { formatSignature } from '../../src/proof/note.ts'
import { parseSignedCheckpoint } from '../../src/proof/checkpoint.ts'
import { bigintColumn, hashColumn, textColumn, timestampColumn } from '../columns.ts'
import { headOf, type HeadRow } from '../merkle/head.ts'
import type { Batch, Projection, Statement, Tx } from '../projection.ts'

const INSERT: Statement = {
  name: 'insert_cosignatures',
  text: `
    insert into cosignature (tenant, size, position, prepare, root, recorded_at, lines)
    select * from unnest(
      $1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[], $6::timestamptz[],
      $7::text[])`
}

/** The cosignatures of witnesses, which the log holds beside the checkpoints that they are of. */
export const cosignatures: Projection = {
  name: 'cosignatures',
  version: 1,
  tables: 'projections/cosignatures/tables.sql',
  views: ['cosignature'],
  takes: 'everything',
  async apply (batch, tx) {
    const cosigned = batch.events.filter(isCosigned)
    if (cosigned.length > 0) await keep(cosigned, batch, tx)
  }
}

/** Whether an event holds cosignatures, and no checkpoint of its own. */
export function isCosigned ({ action, data: { entity } }: DecodedEvent): boolean {
  return action === CHECKPOINT_ACTION && entity?.type === COSIGNED_ENTITY.type &&
    entity.id === COSIGNED_ENTITY.id
}

async function keep (events: readonly DecodedEvent[], { park }: Batch, tx: Tx): Promise<void> {
  const heads: HeadRow[] = []
  for (const event of events) {
    const head = headOf(event, COSIGNED_ENTITY)
    if ('refused' in head) park(event, 'MALFORMED_COSIGNATURE', head.refused)
    else heads.push(head)
  }
  if (heads.length === 0) return
  await tx.query(INSERT, [
    textColumn(heads.map(({ tenant }) => tenant)),
    bigintColumn(heads.map(({ size }) => size)),
    bigintColumn(heads.map(({ event }) => event.position)),
    bigintColumn(heads.map(({ event }) => event.prepare)),
    hashColumn(heads.map(({ root }) => root)),
    timestampColumn(heads.map(({ event }) => event.data.recordedAt)),
    textColumn(heads.map(({ note }) => cosignaturesOf(note)))
  ])
}

/** The signature lines of a checkpoint that are not its log's own. */
export function cosignaturesOf (signed: string): string {
  const { note, checkpoint: { origin } } = parseSignedCheckpoint(signed)
  return note.signatures.filter(({ name }) => name !== origin).map(formatSignature).join('')
}
