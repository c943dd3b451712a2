import fc from 'fast-check'
import type { Test } from 'tap'

/** Asserts a property as one assertion of a tap test, so that the test counts as having one. */
export function holds<Ts> (
  t: Test, property: fc.IProperty<Ts>, parameters: fc.Parameters<Ts> = {}
): void {
  t.doesNotThrow(() => { fc.assert(property, parameters) })
}
