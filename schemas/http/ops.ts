import { Type, type Static } from '@sinclair/typebox'
import { Int64 } from '../primitives.ts'
import { WorkerView } from './projections.ts'

export const Live = Type.Object({ status: Type.Literal('ok') })

const Part = Type.Object({
  status: Type.Union([Type.Literal('ok'), Type.Literal('failed')]),
  problem: Type.Optional(Type.String({ description: 'What is wrong' }))
})

/** Whether requests can be served, part by part. */
export const Readiness = Type.Object({
  status: Type.Union([
    Type.Literal('ready'), Type.Literal('degraded'), Type.Literal('failed')
  ], {
    description: 'degraded: appends and reads work, but reads are out of date, what is there is ' +
      'not what was signed, or witnesses do not cosign it'
  }),
  database: Part,
  log: Part,
  integrity: Part,
  witnesses: Type.Optional(Part),
  readModels: Type.Composite([Part, Type.Object({
    worker: Type.Optional(WorkerView),
    lag: Type.Optional(Type.Union([Int64, Type.Null()])),
    parked: Type.Optional(Type.Integer())
  })])
}, { title: 'Readiness' })
export type Readiness = Static<typeof Readiness>
