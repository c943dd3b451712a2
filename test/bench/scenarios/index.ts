import type { Scenario } from '../bench.ts'
import { ack } from './ack.ts'
import { depth } from './depth.ts'
import { growth } from './growth.ts'
import { ingestBatch, ingestSingle } from './ingest.ts'
import { reads } from './reads.ts'
import { rebuild } from './rebuild.ts'
import { replay } from './replay.ts'
import { storage } from './storage.ts'
import { visible } from './visible.ts'

/** In the order they run: those that need an exact number of events before those that add some. */
export const SCENARIOS: readonly Scenario[] = [
  storage, growth, reads, depth, replay, rebuild, ingestSingle, ingestBatch, ack, visible
]
