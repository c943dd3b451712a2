import t from 'tap'
import { Alarm, type Waiting } from '../../src/worker/alarm.ts'

const LONG = 10_000
const { signal } = new AbortController()

async function timed (alarm: Alarm, waiting: Waiting, until = signal): Promise<number> {
  const start = performance.now()
  await alarm.wait(waiting, until)
  return performance.now() - start
}

t.test('it wakes whoever waits, and keeps what nobody waited for', async (t) => {
  const alarm = new Alarm()
  const waiting = timed(alarm, { atLeastMs: 0, atMostMs: LONG })
  alarm.ring()
  t.ok(await waiting < LONG / 10)
  alarm.ring()
  t.ok(await timed(alarm, { atLeastMs: 0, atMostMs: LONG }) < LONG / 10, 'rung before')
  t.ok(await timed(alarm, { atLeastMs: 0, atMostMs: 40 }) >= 35, 'and once only')
})

t.test('however often it is rung, a wait has its least', async (t) => {
  const alarm = new Alarm()
  alarm.ring()
  const waiting = timed(alarm, { atLeastMs: 60, atMostMs: LONG })
  alarm.ring()
  const took = await waiting
  t.ok(took >= 55 && took < LONG / 10, `${took} ms`)
})

t.test('an aborted signal ends every wait', async (t) => {
  const stop = new AbortController()
  const waiting = timed(new Alarm(), { atLeastMs: LONG, atMostMs: LONG }, stop.signal)
  stop.abort()
  t.ok(await waiting < LONG / 10)
  t.ok(await timed(new Alarm(), { atLeastMs: LONG, atMostMs: LONG }, stop.signal) < LONG / 10)
})
