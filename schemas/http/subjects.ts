import { Type, type Static } from '@sinclair/typebox'
import { EntityType, Identifier, Int64, Timestamp, Uuid } from '../primitives.ts'
import { Problem } from '../problem.ts'
import { ErasureView } from './erasures.ts'
import { EventView } from './events.ts'
import { HoldView } from './holds.ts'

export const SubjectParams = Type.Object({ type: EntityType, id: Identifier })

const count = (description: string) => Type.Integer({ minimum: 0, description })

/** How many lines of each kind a report has. */
export const ReportCounts = Type.Object({
  events: count('By, about or with data of the person'),
  erasures: count('That were asked for'),
  holds: count('On the person, ended ones too'),
  reads: count('Records that somebody read or exported what is about the person')
})
export type ReportCounts = Static<typeof ReportCounts>

/** The first line: of whom, and as of when. */
export const ReportHead = Type.Object({
  kind: Type.Literal('head'),
  subject: Type.Object({ type: EntityType, id: Identifier, ref: Uuid }),
  position: { ...Int64, description: 'Events up to here are included' },
  generatedAt: Timestamp,
  counts: ReportCounts
}, { title: 'ReportHead' })
export type ReportHead = Static<typeof ReportHead>

/** The last line. Without it, the answer broke off. */
export const ReportEnd = Type.Object({
  kind: Type.Literal('end'),
  complete: Type.Boolean({ description: 'Everything up to the position was sent' }),
  counts: ReportCounts,
  problem: Type.Optional(Problem)
}, { title: 'ReportEnd' })
export type ReportEnd = Static<typeof ReportEnd>

export const ReportLine = Type.Union([
  ReportHead,
  Type.Object({
    kind: Type.Literal('event'),
    removed: Type.Optional(Type.Literal(true, {
      description: 'Retention removed it from reads: this is what the log has'
    })),
    event: EventView
  }),
  Type.Object({ kind: Type.Literal('erasure'), erasure: ErasureView }),
  Type.Object({ kind: Type.Literal('hold'), hold: HoldView }),
  Type.Object({ kind: Type.Literal('read'), event: EventView }),
  ReportEnd
])
