import t from 'tap'

import { isDisconnected, isDuplicate, isUnavailable } from '../../src/postgres/errors.ts'

function withCode (code: string, more: object = {}): Error {
  return Object.assign(new Error('x'), { code }, more)
}

const PASSING = [
  'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', '08000', '08006', '53100',
  '53200', '53300', '57P01', '57P02', '57P03', '57014', '25006'
].map((code) => withCode(code))

const WORDS = [
  'Connection terminated unexpectedly', 'Connection terminated due to connection timeout',
  'timeout exceeded when trying to connect', 'Query read timeout',
  'Client has encountered a connection error and is not queryable'
].map((message) => new Error(message))

const LASTING: unknown[] = [
  ...['23505', '42P01', '42501', '28P01', '3D000', '22012', '57000', '57P06', 'ERR_X']
    .map((code) => withCode(code)),
  new Error('Connection'), new Error('x'), 'ECONNREFUSED', undefined, { code: 'ECONNREFUSED' }
]

t.test('what passes by itself is unavailable, what lasts is not', async (t) => {
  for (const err of [...PASSING, ...WORDS]) {
    t.ok(isUnavailable(err), `${err.message} ${'code' in err ? String(err.code) : ''}`)
    t.ok(isUnavailable(new Error('wrapped', { cause: err })), 'as a cause as well')
  }
  for (const err of LASTING) t.notOk(isUnavailable(err), String(err))
})

t.test('a connection is over when its session is, not when a statement was refused', async (t) => {
  for (const err of [...WORDS, withCode('57P01'), withCode('ECONNRESET'), withCode('08006')]) {
    t.ok(isDisconnected(err))
  }
  for (const code of ['57014', '53200', '25006', '23505']) t.notOk(isDisconnected(withCode(code)))
})

t.test('a duplicate is told by its constraint', async (t) => {
  const err = withCode('23505', { constraint: 'api_key_current_name' })
  t.ok(isDuplicate(err))
  t.ok(isDuplicate(err, 'api_key_current_name'))
  t.notOk(isDuplicate(err, 'other'))
  t.notOk(isDuplicate(withCode('23503')))
})
