import { Type, type TSchema } from '@sinclair/typebox'
import { Int64 } from '../primitives.ts'

/** Items of a page when the request does not say. */
export const PAGE_DEFAULT = 50
/** Items of a page at most; more is refused, for a silent cap looks like the end of the list. */
export const PAGE_MAX = 200
/** `count=exact` counts so far and then says that there are more. */
export const COUNT_MAX = 10_000
export const CURSOR_MAX_LENGTH = 512

/** The query parameters of every list. */
export const Paging = {
  limit: Type.Optional(Type.Integer({
    minimum: 1, maximum: PAGE_MAX, description: `Items of a page; ${PAGE_DEFAULT} if left out`
  })),
  cursor: Type.Optional(Type.String({
    minLength: 1,
    maxLength: CURSOR_MAX_LENGTH,
    description: 'nextCursor of the page before; only good for the same query'
  }))
}

export const CountMode = Type.Union([
  Type.Literal('none'), Type.Literal('estimate'), Type.Literal('exact')
], { description: `exact counts up to ${COUNT_MAX}; none if left out` })

/** Asks a list of events to say each in one line as well. */
export const Render = Type.Optional(Type.Boolean({
  description: 'true: every item says itself in one line too, as rendered'
}))

/** A page of a list. `count` is there when it was asked for. */
export const pageOf = <T extends TSchema>(item: T) => Type.Object({
  items: Type.Array(item),
  nextCursor: Type.Union([Type.String(), Type.Null()], {
    description: 'null: this is the last page'
  }),
  count: Type.Optional(Type.Object({
    value: Type.Integer(),
    exact: Type.Boolean({ description: 'false: an estimate, or the count went on beyond its cap' })
  }))
})

/** Asks for an answer that reflects at least a position, or 503 after two seconds. */
export const AtLeast = Type.Object({
  'ledger-at-least': Type.Optional(Int64)
}, { description: 'Ledger-At-Least: the position of an append that the answer has to reflect' })
