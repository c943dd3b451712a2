import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { eventually } from '../e2e/command.ts'
import { canary, ERASURE_STEPS, erasingWorld, eventsOf } from '../worker/erasing.ts'
import type { ChildOptions } from './erasing-child.ts'

const CHILD = fileURLToPath(new URL('./erasing-child.js', import.meta.url))
const EVENTS = 8
const TAKEN_OVER_WITHIN_MS = 60_000

t.test('a worker that is killed at any step of an erasure is taken over from', async (t) => {
  const world = await erasingWorld(t)
  const worker = world.runner()
  const start = (step?: string): ChildProcess => {
    const options: ChildOptions = {
      databaseUrl: world.database.url,
      eventstoreUrl: world.url,
      ...step === undefined ? {} : { step }
    }
    const child = spawn(process.execPath, [CHILD, JSON.stringify(options)], { stdio: 'inherit' })
    t.teardown(() => child.kill('SIGKILL'))
    return child
  }
  for (const step of ERASURE_STEPS) {
    const user = `u-${step}`
    await worker.reached(await world.send(eventsOf(user, EVENTS)))
    const { id, ref, position } = await world.request(user)
    await worker.reached(position)
    const [, signal] = await once(start(step), 'exit')
    t.equal(signal, 'SIGKILL', step)

    const successor = start()
    const isExecuted = async (): Promise<boolean> => (await world.rows(
      "select from read.erasure where id = $1 and state = 'executed'", [id])).length === 1
    t.ok(await eventually(isExecuted, (done) => done, TAKEN_OVER_WITHIN_MS), 'taken over')
    successor.kill('SIGKILL')
    await once(successor, 'exit')
    const vault = await world.anotherVault()
    t.equal((await vault.keys('acme', [ref])).size, 0, 'nothing opens')
    t.equal(await vault.find('acme', { type: 'user', id: user }), undefined)
    t.match(await world.rows(`select late_events, result::json ->> 'events' as events
      from read.erasure where id = $1`, [id]), [{ late_events: 0n, events: String(EVENTS) }])
    t.strictSame(await world.rows('select from read.user_feed where ref = $1', [ref]), [])
    const rows = await world.rows('select head, sealed, body from read.entry')
    t.notMatch(JSON.stringify(rows), canary(user))
  }
  t.strictSame(await world.rows(`select action, count(*) from read.entry
    where action in ('ledger.erasure_ordered', 'ledger.erasure_executed')
    group by action order by action`), [
    { action: 'ledger.erasure_executed', count: BigInt(ERASURE_STEPS.length) },
    { action: 'ledger.erasure_ordered', count: BigInt(ERASURE_STEPS.length) }
  ], 'each once')
  t.strictSame(await world.rows('select from control.parked'), [])
})
