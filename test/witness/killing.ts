import { fork, type ForkOptions } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Test } from 'tap'
import { testFolder } from '../helper.ts'
import { everSigned } from '../signed-notes.ts'
import { bodyOf, branches } from './given.ts'

const STEPS = ['checked', 'remembered', 'cosigned'] as const
const QUIET: ForkOptions = { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] }
const FORK = 3
/** Sizes that a witness can be asked for before it is killed. */
const SIZES_PER_KILL = 12

/**
 * Kills a witness with SIGKILL at every step, so many times over, while it is asked for two
 * branches of a log at once. Whatever it ever cosigned must be of one of them.
 */
export async function killWitnesses (t: Test, rounds: number): Promise<void> {
  const folder = await testFolder(t)
  const record = join(folder, 'cosigned')
  const trees = branches(20 + rounds * STEPS.length * SIZES_PER_KILL, FORK)
  let [known, size] = [0, FORK]
  const ask = async (port: number, branch: 'honest' | 'other'): Promise<void> => {
    const body = await bodyOf(trees[branch], known, size)
    const url = `http://127.0.0.1:${port}/add-checkpoint`
    const answer = await fetch(url, { method: 'POST', body }).catch(() => undefined)
    if (answer?.status === 200) known = size
    if (answer?.status === 409) known = Number(await answer.text())
  }
  for (let round = 0; round < rounds; round++) {
    for (const step of STEPS) {
      const child = fork(join(import.meta.dirname, 'witness-child.js'),
        [folder, record, step, `${1 + round % 3}`], QUIET)
      const ended = once(child, 'exit')
      const [port] = await once(child, 'message')
      while (child.signalCode === null && size < trees.honest.leaves.length) {
        size = Math.max(size, known) + 1
        await Promise.all([ask(port, 'other'), ask(port, 'honest')])
      }
      child.kill('SIGKILL')
      await ended
      t.equal(child.signalCode, 'SIGKILL', step)
    }
  }
  const signed = everSigned(record).filter((head) => head.size > BigInt(FORK))
  t.ok(signed.length >= rounds, `${signed.length} cosigned`)
  const kinds = (['honest', 'other'] as const).filter((branch) =>
    signed.some(({ size, root }) => root.equals(trees[branch].root(size))))
  t.equal(kinds.length, 1, 'all of one branch')
}
