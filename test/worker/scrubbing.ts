import { randomUUID } from 'node:crypto'
import { join } from 'node:path'

import type { Test } from 'tap'

import { createScrubber, type ScrubberOptions } from '../../src/worker/scrubber.ts'
import type { ScrubbingStatus } from '../../src/worker/status.ts'
import { testFolder } from '../helper.ts'
import { sealedUpTo, sealing } from './sealing.ts'
import { runUntilEnd, silent, until, world, type World } from './world.ts'

const EVENTS = 60
const QUICK = { passMs: 100, eventsMax: 12, pauseMaxMs: 5, retryMs: 20 }

export interface Scrubbing {
  status (): ScrubbingStatus | undefined
  /** Waits for the end of the pass after this one. */
  passed (): Promise<void>
  stop (): Promise<void>
}

/** A scrubber over a world, which starts anew as soon as it is through. */
export function scrubbing (
  t: Test, { pool, log }: World, options: Partial<ScrubberOptions> = {}
): Scrubbing {
  let status: ScrubbingStatus | undefined
  const scrubber = createScrubber({
    pool,
    log,
    logger: silent,
    now: Date.now,
    newId: randomUUID,
    isActive: () => true,
    onStatus: (said) => { status = said },
    ...QUICK,
    ...options
  })
  const stop = runUntilEnd(t, scrubber)
  return {
    status: () => status,
    async passed () {
      await until('a step', () => status !== undefined)
      const pass = status?.pass ?? 0
      await until('two passes', () => (status?.pass ?? 0) >= pass + 2)
    },
    stop
  }
}

/** A world with a sealed log of two tenants, and nothing running but what the test starts. */
export async function sealedWorld (t: Test): Promise<World> {
  const one = await world(t)
  const worker = one.runner()
  const sealer = await sealing(t, one, join(await testFolder(t), 'sealing.key'))
  await worker.reached(await one.append(1, EVENTS / 2))
  await sealedUpTo(one)
  await worker.reached(await one.append(EVENTS / 2 + 1, EVENTS))
  await sealedUpTo(one)
  await sealedUpTo(one, 'other')
  await sealer.stop()
  const last = await one.log.head()
  await worker.reached(last?.commit ?? 0n)
  await worker.stop()
  return one
}

/** What a tenant's history says of the scrubber's findings. */
export const recorded = async ({ log }: World, tenant = 'acme') => {
  const found: unknown[] = []
  for await (const { data } of log.readStream(`${tenant}.ledger_integrity-log`)) found.push(data)
  return found
}
