import { Type } from '@sinclair/typebox'
import { dataOf, Text } from './fields.ts'

/** Sign-in, sign-out, reset, verification: how it was tried and why it failed. */
export const AuthData = dataOf({
  method: Type.Optional(Text),
  mfa: Type.Optional(Type.Boolean()),
  sessionId: Type.Optional(Text),
  reason: Type.Optional(Text)
})
