import { setImmediate as tick } from 'node:timers/promises'
import t from 'tap'
import { createTurns } from '../../src/api/turns.ts'

t.test('so many work at once, in order, and failures give their turn on', async (t) => {
  const turn = createTurns(2)
  let busy = 0
  let most = 0
  const begun: number[] = []
  const work = (index: number) => async (): Promise<number> => {
    begun.push(index)
    most = Math.max(most, ++busy)
    await tick()
    busy--
    if (index === 1) throw new Error('failed')
    return index
  }
  const all = await Promise.allSettled(
    [0, 1, 2, 3, 4].map(async (index) => await turn(work(index))))
  t.strictSame(all.map(({ status }) => status === 'fulfilled'), [true, false, true, true, true])
  t.strictSame(begun, [0, 1, 2, 3, 4])
  t.equal(most, 2)
  t.equal(await turn(work(5)), 5)
})
