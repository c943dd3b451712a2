import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { Log, type LogFile } from '../../../../src/embedded/eventstore/storage/log.ts'

/** A file in memory; `sync` settles when the test says so. */
function memoryFile () {
  const written: Buffer[] = []
  const syncs: { resolve: () => void, reject: (error: Error) => void }[] = []
  const file: LogFile = {
    write: (buffers) => { written.push(Buffer.concat(buffers)) },
    sync: () => new Promise((resolve, reject) => { syncs.push({ resolve, reject }) }),
    read: async (into, offset) => Buffer.concat(written).copy(into, 0, offset),
    readSync: (into, offset) => Buffer.concat(written).copy(into, 0, offset),
    close: () => {}
  }
  return { file, written, syncs }
}

const turn = () => sleep(5)
const outcome = (promise: Promise<void>) => {
  const state = { settled: 'no' }
  promise.then(() => { state.settled = 'yes' }, () => { state.settled = 'failed' })
  return state
}

t.test('appends of one turn are one write, shown and acknowledged after the sync', async (t) => {
  const { file, written, syncs } = memoryFile()
  const log = new Log({ file, end: 0, onFailure: () => {} })
  const first = outcome(log.append(Buffer.from('aa')))
  const second = outcome(log.append(Buffer.from('bbb')))
  await turn()
  const third = outcome(log.append(Buffer.from('c')))
  await turn()
  t.same(written.map(String), ['aabbb'])
  t.same([first.settled, second.settled, log.durableEnd, log.writeEnd], ['no', 'no', 0, 6])
  t.equal(log.cached(0), undefined, 'nobody sees what is not durable')
  t.equal(log.peek(2, 3).toString(), 'bbb', 'but the append rules do')
  syncs[0]?.resolve()
  await turn()
  t.same([first.settled, second.settled, third.settled, log.durableEnd], ['yes', 'yes', 'no', 5])
  t.equal(log.cached(2)?.toString(), 'bbb')
  syncs[1]?.resolve()
  await turn()
  t.same([third.settled, log.durableEnd], ['yes', 6])
})

for (const fault of ['write', 'sync'] as const) {
  t.test(`after a failed ${fault} nothing is acknowledged any more`, async (t) => {
    const { file, syncs } = memoryFile()
    const failures: Error[] = []
    const broken: LogFile = fault === 'sync'
      ? file
      : { ...file, write () { throw new Error('no space left') } }
    const log = new Log({ file: broken, end: 0, onFailure: (error) => { failures.push(error) } })
    const first = outcome(log.append(Buffer.from('a')))
    await turn()
    const second = outcome(log.append(Buffer.from('b')))
    syncs[0]?.reject(new Error('input/output error'))
    await turn()
    const third = outcome(log.append(Buffer.from('c')))
    await turn()
    t.same([first.settled, second.settled, third.settled], ['failed', 'failed', 'failed'])
    t.equal(log.durableEnd, 0)
    t.equal(failures.length, 1, 'the owner is told once')
    await t.rejects(log.flushed(), /cannot be written/)
  })
}

t.test('the tail in memory is bounded and the file serves the rest', async (t) => {
  const { file, syncs } = memoryFile()
  const log = new Log({ file, end: 0, tailCacheBytes: 100, onFailure: () => {} })
  for (let n = 0; n < 4000; n++) {
    const done = log.append(Buffer.from(String(n).padStart(10, '.')))
    if (n % 500 === 499) {
      await turn()
      syncs.at(-1)?.resolve()
      await done
    }
  }
  t.equal(log.cached(0), undefined)
  t.equal((await log.read(0, 20)).toString(), '.........0.........1')
  t.equal(log.cached(39_990)?.toString(), '......3999')
  t.equal(log.cached(39_895)?.toString(), undefined)
  t.equal(log.cached(39_995)?.toString(), '.3999')
})
