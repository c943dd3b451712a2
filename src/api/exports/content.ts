import { countChanges } from '../../../projections/exports/queries.ts'
import type { ExportFormat } from '../../../schemas/events/export.ts'
import { inTenant } from '../../postgres/transaction.ts'
import type { Services } from '../services.ts'
import { bundleContent } from './bundle-content.ts'
import { listContent } from './list-content.ts'
import type { ExportScope, Pass } from './scope.ts'

/**
 * The text of an export, made while it is read and kept nowhere: a file of it would outlive the
 * erasure of whoever is in it. Throws ContentChanged when that or a
 * retention run happens meanwhile.
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
 * How many changes the content of a scope reflects now. None changes a bundle of everything: what
 * is in it is sealed, comes from the log itself, and is chosen by nobody's name.
 */
export async function changesIn ({ pool }: Services, scope: ExportScope): Promise<number> {
  const { tenant, format, filter } = scope
  const changes = await inTenant(pool, tenant, async (tx) => await countChanges(tx))
  return changesOf({ format, filters: filter }, changes)
}

/** The same, of all that the tenant has had. */
export function changesOf (
  { format, filters }: { format: ExportFormat, filters: object }, changes: number
): number {
  return format === 'bundle' && Object.keys(filters).length === 0 ? 0 : changes
}
