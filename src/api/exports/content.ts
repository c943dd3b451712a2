import { countErased } from '../../../projections/erasure-records/queries.ts'
import type { ExportFormat } from '../../../schemas/events/export.ts'
import { inTenant } from '../../postgres/transaction.ts'
import type { Services } from '../services.ts'
import { bundleContent } from './bundle-content.ts'
import { listContent } from './list-content.ts'
import type { ExportScope, Pass } from './scope.ts'

/**
 * The text of an export, made while it is read and kept nowhere: a file of it would outlive the
 * erasure of whoever is in it. Throws ContentChanged when somebody is erased meanwhile.
 */
export function contentOf (
  services: Services, scope: ExportScope, pass: Pass
): AsyncGenerator<string> {
  const { format } = scope
  return format === 'bundle'
    ? bundleContent(services, scope, pass)
    : listContent(services, { ...scope, format }, pass)
}

/**
 * How many erasures the content of a scope reflects now. None changes a bundle of everything:
 * what is in it is sealed, and chosen by nobody's name.
 */
export async function erasuresIn ({ pool }: Services, scope: ExportScope): Promise<number> {
  const { tenant, format, filter } = scope
  const erased = await inTenant(pool, tenant, async (tx) => await countErased(tx))
  return erasuresOf({ format, filters: filter }, erased)
}

/** The same, of all that the tenant has had. */
export function erasuresOf (
  { format, filters }: { format: ExportFormat, filters: object }, erased: number
): number {
  return format === 'bundle' && Object.keys(filters).length === 0 ? 0 : erased
}
