import { WAIT_MAX_S } from '../../schemas/http/events.ts'

/** Whether `wait` is to end when the events are proven: `Prefer: wait=n; until=proven`. */
export function prefersProof (prefer: string | undefined): boolean {
  return (prefer ?? '').split(',').some((preference) => {
    const [wait = '', ...parameters] = preference.split(';')
    return /^ *wait *=/i.test(wait) &&
      parameters.some((parameter) => /^ *until *= *"?proven"? *$/i.test(parameter))
  })
}

/**
 * The seconds of `Prefer: wait=n` (RFC 7240 section 4.3), at most WAIT_MAX_S; undefined if there
 * is none. A preference that makes no sense is no error and is ignored, as the RFC asks for.
 */
export function preferredWaitS (prefer: string | undefined): number | undefined {
  const preferences = (prefer ?? '').split(',').map((text) => text.split(';', 1)[0]?.trim() ?? '')
  for (const preference of preferences) {
    const [, seconds] = /^wait ?= ?"?([0-9]{1,6})"?$/i.exec(preference) ?? []
    if (seconds !== undefined) return Math.min(Number(seconds), WAIT_MAX_S)
  }
  return undefined
}
