import { activitySummaries } from './activity-summaries/projection.ts'
import { cosignatures } from './cosignatures/projection.ts'
import { entries } from './entries/projection.ts'
import { entityTrails } from './entity-trails/projection.ts'
import { erasureRecords } from './erasure-records/projection.ts'
import { exports } from './exports/projection.ts'
import { merkle } from './merkle/projection.ts'
import type { Projection } from './projection.ts'
import { retention } from './retention/projection.ts'
import { search } from './search/projection.ts'
import { tasks } from './tasks/projection.ts'
import { userFeeds } from './user-feeds/projection.ts'

/**
 * Every read model, in the order in which the runner feeds them: the tree asks before it writes,
 * and hashes while the others are written.
 */
export const PROJECTIONS: readonly Projection[] = [
  merkle, entries, userFeeds, entityTrails, activitySummaries, tasks, erasureRecords, retention,
  search, exports, cosignatures
]
