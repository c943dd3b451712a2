import { LedgerError } from '../errors.ts'

/** How many streams there may be at once: in all, and for each key. */
export interface PlacesOptions {
  max: number
  perKey: number
}

/** Places for streams: no key can take them all. */
export interface StreamPlaces {
  /**
   * Takes a place for a key until what is returned is aborted. Throws TOO_MANY_STREAMS when the
   * key has its share, OVERLOADED when there is none left.
   */
  take (keyId: string): AbortController
  /** Ends all streams. */
  endAll (): void
}

const RETRY_AFTER_S = 5

/** The places of one process. */
export function createPlaces ({ max, perKey }: PlacesOptions): StreamPlaces {
  const taken = new Map<AbortController, string>()
  return {
    take (keyId) {
      const retry = { retryAfterS: RETRY_AFTER_S }
      if ([...taken.values()].filter((other) => other === keyId).length >= perKey) {
        throw new LedgerError('TOO_MANY_STREAMS', `This key has ${perKey} streams open`, retry)
      }
      if (taken.size >= max) throw new LedgerError('OVERLOADED', `${max} streams are open`, retry)
      const place = new AbortController()
      taken.set(place, keyId)
      place.signal.addEventListener('abort', () => { taken.delete(place) }, { once: true })
      return place
    },
    endAll () {
      for (const place of [...taken.keys()]) place.abort()
    }
  }
}
