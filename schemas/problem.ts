import { Type, type Static } from '@sinclair/typebox'

/** One thing that is wrong, and where. */
export const ProblemViolation = Type.Object({
  pointer: Type.String({
    description: 'JSON Pointer into the body, or the name of a query, path or header parameter'
  }),
  detail: Type.String()
})

/** What every refusal and failure looks like: RFC 9457, `application/problem+json`. */
export const Problem = Type.Object({
  type: Type.String({
    description: 'Stable: /problems/<kebab-case code>; that address explains it'
  }),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.String(),
  instance: Type.String({ description: 'Id of the request, as in X-Request-Id' }),
  violations: Type.Optional(Type.Array(ProblemViolation))
}, { additionalProperties: true, title: 'Problem' })
export type Problem = Static<typeof Problem>
