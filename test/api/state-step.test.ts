import t from 'tap'
import { fold } from '../../projections/entity-trails/fold.ts'
import { stepOf, type ShownEvent } from '../../src/api/state-step.ts'

const by = { id: 'e', revision: '0', position: '1', recordedAt: '2026-01-01T00:00:00.000Z' }
const told = {
  occurredAt: by.recordedAt, action: 'a', actor: { type: 'system' }, source: 's'
} as const
const shown = (said: Partial<ShownEvent>): ShownEvent => ({ ...by, ...told, ...said })

t.test('what an event says of a state is taken as it is', async (t) => {
  const changes = [{ path: '/a', after: 1 }]
  t.strictSame(stepOf(shown({ before: { a: 0 }, after: { a: 1 }, changes })), {
    hidden: false, step: { by, operation: undefined, before: { a: 0 }, after: { a: 1 }, changes }
  })
  t.equal(stepOf(shown({ data: { operation: 'delete' } })).step.operation, 'delete')
  for (const data of [null, 'delete', [], { operation: 7 }, {}]) {
    t.equal(stepOf(shown({ data })).step.operation, undefined)
  }
})

t.test('what is hidden is left out and said, and changes no state', async (t) => {
  const known = fold([stepOf(shown({ after: { a: 1 } })).step])
  for (const hidden of [{ sealed: true }, { erased: true }, { tampered: true }] as const) {
    const both = { before: hidden, after: hidden }
    for (const said of [both, { changes: hidden }, { after: hidden }]) {
      const seen = stepOf(shown(said))
      t.equal(seen.hidden, true)
      t.strictSame(fold([seen.step], known).state, { a: 1 })
    }
  }
})

t.test('a state that only looks like something hidden is a state', async (t) => {
  for (const after of [{ erased: true, by: 'us' }, { erased: false }, { erased: 1 }, [true], {}]) {
    t.strictSame(stepOf(shown({ after })), {
      hidden: false,
      step: { by, operation: undefined, before: undefined, after, changes: undefined }
    })
  }
})
