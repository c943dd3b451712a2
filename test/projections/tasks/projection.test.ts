import t from 'tap'

import { tasks } from '../../../projections/tasks/projection.ts'
import { listTasks } from '../../../projections/tasks/queries.ts'
import type { RecordedData } from '../../../schemas/recorded.ts'
import { decodedEvent, given, uuid } from '../../given.ts'

function step (n: number, id: string, data: unknown, more: Partial<RecordedData> = {}) {
  return decodedEvent(n, {
    data: { category: 'task', entity: { type: 'task', id }, data, ...more }
  })
}

const EVENTS = [
  step(1, 'a', { taskType: 'import', status: 'open' }, {
    entity: { type: 'task', id: 'a', name: 'Import' }
  }),
  step(2, 'b', { taskType: 'export', status: 'open' }),
  step(3, 'a', { status: 'running' }, { actor: { type: 'user', ref: uuid(9) } }),
  step(4, 'a', { status: 7 }),
  step(5, 'b', null),
  step(6, 'a', { status: 'done', at: 'noon' }),
  step(7, 'x', { status: 'open' }, { category: 'change' }),
  step(8, 'c', { status: 'open' }, { tenant: 'other' })
]

t.test('a task is what its events last said of it, however they are batched', async (t) => {
  const sql = 'select * from read.task order by first_position'
  const whole = await given(t, tasks).events(EVENTS).rows(sql)
  const at = (n: number) => new Date(EVENTS[n - 1]?.data.occurredAt ?? '')
  t.strictSame(whole, [{
    tenant: 'acme',
    entity_type: 'task',
    entity_key: 'a',
    task_type: 'import',
    status: 'done',
    title: 'Import',
    actor_type: 'service',
    actor_key: 'billing',
    first_position: 100n,
    last_position: 600n,
    created_at: at(1),
    updated_at: at(6),
    events: 4n
  }, {
    tenant: 'acme',
    entity_type: 'task',
    entity_key: 'b',
    task_type: 'export',
    status: 'open',
    title: null,
    actor_type: 'service',
    actor_key: 'billing',
    first_position: 200n,
    last_position: 500n,
    created_at: at(2),
    updated_at: at(5),
    events: 2n
  }])
  for (const size of [1, 2, 3]) {
    let store = given(t, tasks)
    for (let i = 0; i < EVENTS.length; i += size) store = store.events(EVENTS.slice(i, i + size))
    t.strictSame(await store.rows(sql), whole, `batches of ${size}`)
  }
})

t.test('tasks are listed by the last touched, and filtered', async (t) => {
  const { read } = await given(t, tasks).events(EVENTS).ready()
  const list = async (filter = {}, page = {}) =>
    (await read(async (tx) => await listTasks(tx, filter, { limit: 10, ...page })))
      .map(({ entityKey, lastPosition }) => [entityKey, lastPosition])
  t.strictSame(await list(), [['a', 600n], ['b', 500n]])
  t.strictSame(await list({ type: 'export' }), [['b', 500n]])
  t.strictSame(await list({ status: 'done' }), [['a', 600n]])
  t.strictSame(await list({ entity: { type: 'task', key: 'b' } }), [['b', 500n]])
  t.strictSame(await list({}, { before: 600n }), [['b', 500n]])
  t.strictSame(await list({}, { after: 400n, limit: 1 }), [['b', 500n]])
  const [task] = await read(async (tx) => await listTasks(tx, {}, { limit: 1 }))
  t.match(task, {
    taskType: 'import', createdAt: EVENTS[0]?.data.occurredAt, events: 4n, actorKey: 'billing'
  })
})

t.test('a status too long to be one is cut, not refused', async (t) => {
  const [row] = await given(t, tasks)
    .events([step(1, 'a', { status: '🎉'.repeat(2_000), taskType: 'x'.repeat(4_096) })])
    .rows('select status, task_type from read.task')
  t.strictSame(row, { status: '🎉'.repeat(128), task_type: 'x'.repeat(256) })
})
