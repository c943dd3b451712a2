import type { Scenario } from '../bench.ts'
import { ack } from './ack.ts'
import { ingestBatch, ingestSingle } from './ingest.ts'
import { visible } from './visible.ts'

/** In the order they run: those that need an exact number of events before those that add some. */
export const SCENARIOS: readonly Scenario[] = [ingestSingle, ingestBatch, ack, visible]
