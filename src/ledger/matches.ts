import canonicalize from 'canonicalize'
import { openSection, type SubjectKey } from '../privacy/cipher.ts'
import { subjectKey, type PersonalPart } from '../privacy/personal.ts'
import { sealRecord } from '../privacy/seal.ts'
import type { Vault } from '../privacy/vault.ts'
import type { EventInput } from '../../schemas/events/index.ts'
import type { DecodedEvent, RecordedData, SealedSection } from '../../schemas/recorded.ts'
import { plainRecord } from './codec.ts'

/**
 * Whether an event says what was recorded under its id, so that sending it was a repetition.
 * It is sealed again along the recorded sections: what stays in clear must be equal, and so must
 * what the sections hold. A section whose key was destroyed counts as equal: nobody can tell any
 * more. Source, time of recording and an `occurredAt` that is not sent are not compared.
 * Throws DATABASE_UNAVAILABLE when the vault cannot be asked.
 */
export async function contentMatches (
  event: EventInput, recorded: DecodedEvent, vault: Pick<Vault, 'keys'>
): Promise<boolean> {
  const { id, stream, data, action, correlationId, causationId } = recorded
  if (event.action !== action || event.correlationId !== correlationId ||
      event.causationId !== causationId) return false
  const sections = data.sealed ?? []
  const dataKeys = sections.length === 0
    ? new Map<string, Buffer>()
    : await vault.keys(data.tenant, sections.map(({ ref }) => ref))
  const again = sealAgain(event, recorded, dataKeys)
  if (clearText(again) !== clearText(data)) return false
  const place = { tenant: data.tenant, stream, id }
  return sections.every((section, index) => {
    const other = again.sealed?.[index]
    const dataKey = dataKeys.get(section.ref)
    if (other === undefined || !samePaths(section, other)) return false
    return dataKey === undefined ||
      canonicalize(openSection(dataKey, place, section)) ===
      canonicalize(openSection(dataKey, place, other))
  })
}

const DESTROYED = Buffer.alloc(32)

/** The event as it would have been recorded then: same time, same source, same refs. */
function sealAgain (
  event: EventInput, { id, stream, data }: DecodedEvent, dataKeys: ReadonlyMap<string, Buffer>
): RecordedData {
  const keys = new Map<string, SubjectKey>()
  const parts: PersonalPart[] = (data.sealed ?? []).map(({ ref, paths }) => {
    const subject = { type: 'ref', id: ref }
    keys.set(subjectKey(subject), { ref, dataKey: dataKeys.get(ref) ?? DESTROYED })
    return { subject, paths: [...paths] }
  })
  const { tenant, source, recordedAt, occurredAt } = data
  const record = plainRecord({ occurredAt, ...event }, { tenant, source, recordedAt, id })
  return sealRecord({ record, parts, keys, stream, id })
}

function clearText (data: RecordedData): string | undefined {
  return canonicalize({ ...data, sealed: null })
}

function samePaths (one: SealedSection, other: SealedSection): boolean {
  return one.ref === other.ref && canonicalize(one.paths) === canonicalize(other.paths)
}
