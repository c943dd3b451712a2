import { randomUUID } from 'node:crypto'

import type { Test } from 'tap'

import { headOf, type HeadRow } from '../../projections/merkle/head.ts'
import { decode } from '../../src/ledger/codec.ts'
import { replayAll } from '../../src/ledger/read.ts'
import { treeRoot } from '../../src/proof/merkle.ts'
import { createSealer, type SealerOptions } from '../../src/worker/sealer.ts'
import { checkpointStream } from '../../src/worker/sealed-tree.ts'
import { fileSealingKeys } from '../../src/worker/sealing-key.ts'
import type { SealingStatus } from '../../src/worker/status.ts'
import { runUntilEnd, silent, until, type World } from './world.ts'

const QUICK = { intervalMs: 10, retryMs: 20, refusedMs: 60_000 }

export interface Sealing {
  status (): SealingStatus | undefined
  stop (): Promise<void>
}

/** A sealer over a world, whose runner is taken to be active. */
export async function sealing (
  t: Test, { pool, log }: World, keyFile: string, options: Partial<SealerOptions> = {}
): Promise<Sealing> {
  let status: SealingStatus | undefined
  const sealer = createSealer({
    pool,
    log,
    name: 'test',
    keys: await fileSealingKeys(keyFile),
    logger: silent,
    now: Date.now,
    newId: randomUUID,
    isActive: () => true,
    onStatus: (said) => { status = said },
    ...QUICK,
    ...options
  })
  const stop = runUntilEnd(t, sealer)
  return { status: () => status, stop }
}

/** A tenant's checkpoints as the log has them, oldest first. */
export async function heads ({ log }: World, tenant = 'acme'): Promise<HeadRow[]> {
  const found: HeadRow[] = []
  for await (const event of log.readStream(checkpointStream(tenant))) {
    const decoded = decode(event)
    const head = decoded.ok ? headOf(decoded.event) : { refused: decoded.reason }
    if ('refused' in head) throw new Error(head.refused)
    found.push(head)
  }
  return found
}

/** The hashes of a tenant's leaves as the log has them. */
export async function leaves ({ log }: World, tenant = 'acme'): Promise<Buffer[]> {
  const hashes: Buffer[] = []
  for await (const event of replayAll(log, tenant)) {
    const decoded = decode(event)
    if (decoded.ok && decoded.event.action !== 'ledger.checkpoint') {
      hashes.push(decoded.event.leafHash)
    }
  }
  return hashes
}

export async function sealedUpTo (one: World, tenant = 'acme'): Promise<void> {
  const { length } = await leaves(one, tenant)
  await until(`${length} leaves sealed`, async () =>
    (await heads(one, tenant)).at(-1)?.size === BigInt(length))
}

/** Every head is the root of the first leaves that the log has, and none goes back. */
export async function agree (t: Test, one: World, tenant = 'acme'): Promise<void> {
  const hashes = await leaves(one, tenant)
  const all = await heads(one, tenant)
  t.ok(all.length > 0)
  for (const { size, root } of all) {
    if (!root.equals(treeRoot(hashes.slice(0, Number(size))))) t.fail(`head ${size} disagrees`)
  }
  const sizes = all.map(({ size }) => size)
  t.strictSame(sizes, sizes.toSorted((a, b) => Number(a - b)))
}
