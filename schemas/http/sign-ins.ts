import { Type, type Static } from '@sinclair/typebox'
import { Timestamp } from '../primitives.ts'
import { EventFilters, Party } from './events.ts'

/** Failed sign-ins that are looked at, the newest first. */
export const SIGN_INS_MAX = 5_000
/** Hours before now that are looked at when the request does not say. */
export const WINDOW_HOURS = 24
/** Groups when the request does not say, and at most. */
export const GROUPS_DEFAULT = 20
export const GROUPS_MAX = 200

export const SignInsQuery = Type.Object({
  groupBy: Type.Optional(Type.Union([Type.Literal('user'), Type.Literal('address')], {
    description: 'user if left out'
  })),
  from: Type.Optional({
    ...Timestamp, description: `occurredAt, inclusive; ${WINDOW_HOURS} hours ago if left out`
  }),
  to: Type.Optional({ ...Timestamp, description: 'occurredAt, exclusive' }),
  action: EventFilters.action,
  threshold: Type.Optional(Type.Integer({
    minimum: 1, maximum: SIGN_INS_MAX, description: 'Groups of fewer are left out; 1 if left out'
  })),
  top: Type.Optional(Type.Integer({
    minimum: 1, maximum: GROUPS_MAX, description: `Groups; ${GROUPS_DEFAULT} if left out`
  }))
}, { additionalProperties: false })

const Counted = {
  events: Type.Integer(),
  firstAt: Timestamp,
  lastAt: Timestamp
}

export const FailedSignIns = Type.Object({
  groups: Type.Array(Type.Union([
    Type.Object({ user: Party, ...Counted, addresses: Type.Integer() }),
    Type.Object({ address: Type.String(), ...Counted, users: Type.Integer() })
  ])),
  size: Type.Integer({ description: 'Groups that reach the threshold' }),
  events: Type.Integer({ description: 'Failed sign-ins that were looked at' }),
  unknown: Type.Integer({ description: 'Those of them in no group: without an address to see' }),
  complete: Type.Boolean({
    description: `false: there are more than ${SIGN_INS_MAX} in the window; these are the newest`
  })
}, { title: 'FailedSignIns' })
export type FailedSignIns = Static<typeof FailedSignIns>
