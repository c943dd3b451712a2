import { Type, type Static } from '@sinclair/typebox'
import {
  ErasureExecutedData, LegalBasis, Reason, Recipients
} from '../events/erasure.ts'
import { ExportFormat } from '../events/export.ts'
import { EntityType, Int64, Name, SubjectRef, Timestamp, Uuid } from '../primitives.ts'
import { pageOf, Paging } from './paging.ts'

const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])

/** A key that did something: persons are not named here, keys are. */
export const ByKey = Type.Object({ id: Type.String(), name: Type.Union([Name, Type.Null()]) })
export type ByKey = Static<typeof ByKey>

export const RequestErasure = Type.Object({
  subject: { ...SubjectRef, description: 'Who is to be erased, as producers name them' },
  legalBasis: LegalBasis,
  reason: Reason,
  recipients: Type.Optional(Recipients)
}, { additionalProperties: false })

export const ErasureState = Type.Union([
  Type.Literal('requested'), Type.Literal('ordered'), Type.Literal('executed')
], {
  description: 'ordered: nothing of the person can be opened any more; executed: key and rows ' +
    'are gone'
})

export const ErasureWaits = Type.Union([
  Type.Literal('approval'), Type.Literal('cooling-off'), Type.Literal('hold')
])

/** An erasure: what was asked, decided and done. The person is a ref that leads nowhere. */
export const ErasureView = Type.Object({
  id: Uuid,
  state: ErasureState,
  waitingFor: Type.Array(ErasureWaits, { description: 'What keeps it from being ordered now' }),
  heldBy: Type.Array(Uuid, { description: 'Holds that forbid it now' }),
  subject: Type.Object({ type: EntityType, ref: Uuid }),
  legalBasis: LegalBasis,
  reason: Reason,
  recipients: Recipients,
  requestedAt: Timestamp,
  requestedBy: ByKey,
  notBefore: Timestamp,
  needsApproval: Type.Boolean(),
  approvedAt: orNull(Timestamp),
  approvedBy: orNull(ByKey),
  orderedAt: orNull(Timestamp),
  holdsChecked: orNull(Type.Integer()),
  executedAt: orNull(Timestamp),
  result: orNull(Type.Omit(ErasureExecutedData, ['ref'])),
  lateEvents: Type.Integer({
    description: 'Events that a process sealed too late for anybody to read'
  }),
  verified: orNull(Type.Object({
    at: Timestamp,
    masterKey: Type.String({ description: 'Its id' }),
    olderMasterKeys: Type.Array(Type.String(), { description: 'Those that wrapped it before' })
  }, {
    description: 'When the last master key that had wrapped the person\'s key was destroyed as ' +
      'well, so that no backup of the vault can be opened; null until then'
  }))
}, { title: 'Erasure' })
export type ErasureView = Static<typeof ErasureView>

export const ErasureParams = Type.Object({ id: Uuid })
export const ErasuresQuery = Type.Object({
  state: Type.Optional(ErasureState), ...Paging
}, { additionalProperties: false })
export const ErasurePage = pageOf(ErasureView)

/** An event of the ledger about the erasure, by which the certificate can be proven. */
export const CertificateEvent = Type.Object({
  action: Type.String(),
  id: Uuid,
  stream: Type.String(),
  revision: Int64,
  position: Int64,
  recordedAt: Timestamp,
  leafHash: Type.String()
})
export type CertificateEvent = Static<typeof CertificateEvent>

/** Exports that a certificate names; that there are more is said. */
export const CERTIFICATE_EXPORTS_MAX = 100

/** An export that may show the person in clear, made before the erasure was executed. */
export const RecipientExport = Type.Object({
  id: Uuid,
  format: ExportFormat,
  requestedAt: Timestamp,
  requestedBy: ByKey,
  downloads: Type.Integer(),
  downloadedAt: orNull(Timestamp),
  downloadedBy: Type.Array(ByKey)
})
export type RecipientExport = Static<typeof RecipientExport>

/** What proves that a person was erased, when, by whom, and on what basis. */
export const Certificate = Type.Object({
  title: Type.Literal('Certificate of erasure'),
  tenant: Type.String(),
  erasure: ErasureView,
  recipientsToNotify: Recipients,
  exports: Type.Array(RecipientExport, {
    maxItems: CERTIFICATE_EXPORTS_MAX,
    description: 'In clear, since the first event of the person: who took them is to be told too'
  }),
  moreExports: Type.Boolean({ description: 'There are older ones that are not listed' }),
  events: Type.Array(CertificateEvent)
}, { title: 'Certificate' })
export type Certificate = Static<typeof Certificate>
