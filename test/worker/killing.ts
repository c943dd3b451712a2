import { fork, type ForkOptions } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Test } from 'tap'

import { testFolder } from '../helper.ts'
import { treeOf } from '../proof/tree.ts'
import { everSigned } from '../signed-notes.ts'
import { agree, leaves, sealedUpTo } from './sealing.ts'
import { world } from './world.ts'

const STEPS = ['read', 'compared', 'signed', 'appended'] as const
const QUIET: ForkOptions = { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }
const TENANTS = ['acme', 'other'] as const

/**
 * Kills a sealer with SIGKILL at every step, so many times over and each time a little later, and
 * starts another. Whatever it ever signed, seen by anybody or not, must be of one tree.
 */
export async function killSealers (t: Test, rounds: number): Promise<void> {
  const one = await world(t)
  const folder = await testFolder(t)
  const record = join(folder, 'signed')
  const worker = one.runner()
  const start = (step: string, nth: number) => {
    const key = join(folder, 'sealing.key')
    const args = [one.node.url, one.database.url, key, record, step, String(nth)]
    const child = fork(join(import.meta.dirname, 'sealer-child.js'), args, QUIET)
    const ended = once(child, 'exit')
    t.teardown(async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await ended
    })
    return child
  }
  let n = 0
  const grow = async (): Promise<void> => {
    await worker.reached(await one.append(n + 1, n + 6))
    n += 6
  }
  for (let round = 0; round < rounds; round++) {
    for (const step of STEPS) {
      const child = start(step, 1 + round % 4)
      while (child.signalCode === null && child.exitCode === null) {
        await grow()
        await sleep(50)
      }
      t.equal(child.signalCode, 'SIGKILL', step)
    }
  }
  await grow()
  start('none', 1)
  for (const tenant of TENANTS) await sealedUpTo(one, tenant)
  const all = everSigned(record)
  // Whose tree was signed when it was killed is chance: at two of the steps, somebody's was.
  t.ok(all.length >= rounds * 2 + TENANTS.length, `${all.length} signed`)
  for (const tenant of TENANTS) {
    await agree(t, one, tenant)
    const tree = treeOf(await leaves(one, tenant))
    const signed = all.filter(({ origin }) => origin === `test/${tenant}`)
    t.ok(signed.length > 0, `${signed.length} signed`)
    const wrong = signed.filter(({ size, root }) => !root.equals(tree.root(size)))
    t.strictSame(wrong, [], 'each is the tree of the first leaves that the log has')
  }
}
