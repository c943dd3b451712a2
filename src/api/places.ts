import type { LedgerError } from '../errors.ts'

/** Takes one of a tenant's places; returns what gives it back, once. */
export type TakePlace = (tenant: string) => () => void

/** So many places for each tenant in this process; `full` says what is thrown without one. */
export function createPlaces (max: number, full: () => LedgerError): TakePlace {
  const taken = new Map<string, number>()
  return (tenant) => {
    const places = taken.get(tenant) ?? 0
    if (places >= max) throw full()
    taken.set(tenant, places + 1)
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      const left = (taken.get(tenant) ?? 1) - 1
      if (left === 0) taken.delete(tenant)
      else taken.set(tenant, left)
    }
  }
}
