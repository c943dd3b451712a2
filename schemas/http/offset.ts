import { Type } from '@sinclair/typebox'
import { COUNT_MAX, PAGE_DEFAULT, PAGE_MAX } from './paging.ts'

/** Rows that a page may skip: beyond them, cursors cost nothing and offsets cost everything. */
export const OFFSET_MAX = COUNT_MAX

/** Paging as Coequal and TruLedgr do it. A limit beyond the cap is taken for the cap. */
export const OffsetPaging = {
  limit: Type.Optional(Type.Integer({
    minimum: 1, description: `Rows to return; ${PAGE_DEFAULT} if left out, at most ${PAGE_MAX}`
  })),
  offset: Type.Optional(Type.Integer({
    minimum: 0, description: `Rows to skip; 0 if left out, at most ${OFFSET_MAX}`
  }))
}

/** How many there are. A total that was not counted to its end says so. */
export const Total = {
  total: Type.Integer({ description: `Counted up to ${COUNT_MAX}` }),
  totalIsCapped: Type.Optional(Type.Literal(true, { description: 'There are more' }))
}

/** The members that follow the items of a page. */
export const OffsetTotals = { ...Total, limit: Type.Integer(), offset: Type.Integer() }
