import { LedgerError } from '../../errors.ts'
import { streamName } from '../../ledger/streams.ts'
import { fault, type Finding } from '../../proof/finding.ts'
import type { Summary } from '../../proof/verify.ts'
import type { Flag, Given } from '../command.ts'

export const EXPECT_FLAGS: Record<string, Flag> = {
  sha256: { value: 'HEX', help: 'With a bundle: what the whole file must have' },
  entity: {
    value: 'TYPE/ID',
    help: 'With a file: it must be about this entity alone, a bundle all of it; a person by the ref'
  },
  event: { value: 'ID', help: 'With a file: it must show this event' },
  'max-age': {
    value: 'N[smhd]', help: 'How old the newest witness\'s signature may be, 15m or 2d'
  }
}

/** What the user says the evidence has to be, beside whom it is signed by. */
export interface Expected {
  sha256: string | undefined
  entity: { type: string, key: string } | undefined
  event: string | undefined
  maxAgeSeconds: bigint | undefined
}

const SECONDS = new Map([['s', 1n], ['m', 60n], ['h', 3_600n], ['d', 86_400n]])

/** What the flags say is expected. Throws CONFIG_INVALID for what cannot be. */
export function expectedBy ({ flags }: Given): Expected {
  const { sha256, entity, event, 'max-age': age } = flags
  const invalid = (message: string): LedgerError => new LedgerError('CONFIG_INVALID', message)
  if (sha256 !== undefined && !/^[0-9a-fA-F]{64}$/.test(sha256)) {
    throw invalid('--sha256: not 64 hexadecimal digits')
  }
  const [, type, key] = /^([^/]+)\/(.+)$/s.exec(entity ?? '') ?? []
  if (entity !== undefined && (type === undefined || key === undefined)) {
    throw invalid('--entity: not TYPE/ID')
  }
  const [, count, unit = ''] = /^([0-9]{1,9})([smhd])$/.exec(age ?? '') ?? []
  const seconds = SECONDS.get(unit)
  if (age !== undefined && (count === undefined || seconds === undefined)) {
    throw invalid('--max-age: not a number with s, m, h or d')
  }
  return {
    sha256: sha256?.toLowerCase(),
    entity: type === undefined || key === undefined ? undefined : { type, key },
    event: event?.toLowerCase(),
    maxAgeSeconds: count === undefined ? undefined : BigInt(count) * (seconds ?? 0n)
  }
}

/** Whether the evidence is about that entity: a bundle all of it, a proof one event of it. */
export function judgeEntity ({ entity }: Expected, summary: Summary): Finding[] {
  if (entity === undefined) return []
  const [, tenant = ''] = summary.checkpoint?.origin.split('/') ?? []
  const stream = streamName({ tenant, ...entity })
  const { scope, event } = summary
  const shown = event?.stream ?? (scope?.type === 'stream' ? scope.stream : undefined)
  return shown === stream
    ? []
    : [fault('foreign', `it is not about ${entity.type}/${entity.key}, whose stream is ${stream}`)]
}
