import { TypeCompiler, type TypeCheck } from '@sinclair/typebox/compiler'
import type { TSchema } from '@sinclair/typebox'
import type { EventInput } from '../../schemas/events/index.ts'
import { isLedgerAction, LEDGER_EVENTS, type LedgerAction } from '../../schemas/events/ledger.ts'
import { LedgerError } from '../errors.ts'

const checks = new Map<LedgerAction, TypeCheck<TSchema>>()

/** Refuses what the ledger would say about itself in words that it has not. INVALID_EVENT. */
export function checkOwnEvent (event: EventInput): void {
  const { action, category, actor, entity, data = {} } = event
  if (!isLedgerAction(action)) throw invalid(action, 'is no action of the ledger')
  const kind = LEDGER_EVENTS[action]
  if (category !== kind.category) throw invalid(action, `is of category ${kind.category}`)
  if (entity?.type !== kind.entityType) throw invalid(action, `happens to a ${kind.entityType}`)
  if (actor.type !== 'service' && actor.type !== 'system') {
    throw invalid(action, 'is done by a service or the system')
  }
  let check = checks.get(action)
  if (check === undefined) checks.set(action, check = TypeCompiler.Compile<TSchema>(kind.data))
  if (check.Check(data)) return
  throw invalid(action, `has other data at ${check.Errors(data).First()?.path}`)
}

function invalid (action: string, detail: string): LedgerError {
  return new LedgerError('INVALID_EVENT', `${action} ${detail}`)
}
