import { TypeCompiler } from '@sinclair/typebox/compiler'
import { RETENTION_TYPE } from '../../schemas/events/ledger.ts'
import { positionsOf, RetentionRanData } from '../../schemas/events/retention.ts'
import type { DecodedEvent } from '../../schemas/recorded.ts'
import { ownData } from '../own-data.ts'
import type { Removed } from '../projection.ts'

export const RETENTION_RAN = 'ledger.retention_ran'

const check = TypeCompiler.Compile(RetentionRanData)

/** What a retention run says, undefined for every other event and for one that nobody can mean. */
export function runOf (event: DecodedEvent): RetentionRanData | undefined {
  if (event.action !== RETENTION_RAN) return undefined
  const said = ownData(event, RETENTION_TYPE, check)
  return said?.events === (said?.gaps.length ?? 0) + 1 ? said : undefined
}

/** The events whose rows go with this event, undefined if it is no retention run. */
export function removedBy (event: DecodedEvent): Removed | undefined {
  const run = runOf(event)
  if (run === undefined) return undefined
  return { tenant: event.data.tenant, run: event.position, positions: positionsOf(run) }
}
