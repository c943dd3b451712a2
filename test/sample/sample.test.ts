import t from 'tap'
import { checkEvent } from '../../schemas/door.ts'
import { CATALOGUE } from '../../schemas/vocabulary/catalogue.ts'
import { declarePersonal, misfits } from '../../schemas/vocabulary/apply.ts'
import { personalParts } from '../../src/privacy/personal.ts'
import { SAMPLE_TENANTS, sampleEvents } from '../../src/sample/sample.ts'

const events = SAMPLE_TENANTS.flatMap((tenant) => sampleEvents({
  tenant, seed: 7, count: 2_000, untilMs: Date.parse('2026-01-01T00:00:00Z'), days: 30
}))

t.test('the sample tells only what the catalogue knows, as the catalogue knows it', async (t) => {
  const wrong = events.flatMap((event) => {
    const schema = CATALOGUE.get(event.action)
    if (schema === undefined) return [`${event.action}: unknown`]
    const found = [
      ...misfits(schema, event), ...declarePersonal(schema.personal, event).unowned
    ]
    return found.length === 0 ? [] : [`${event.action}: ${JSON.stringify(found)}`]
  })
  t.strictSame([...new Set(wrong)], [])
})

t.test('every event of the sample would be taken at the door', async (t) => {
  t.strictSame(events.flatMap((event) => checkEvent(event)), [])
})

t.test('a student\'s name is sealed for that student alone', async (t) => {
  const inputs = events.filter(({ action }) => action.startsWith('assignment_input_'))
  t.ok(inputs.some(({ action }) => action === 'assignment_input_deleted'))
  for (const event of inputs) {
    const students = personalParts(event, {}).filter(({ subject }) => subject.type === 'student')
    const names = students.flatMap(({ paths }) => paths.filter((path) => /name$/i.test(path)))
    t.equal(students.length, event.action === 'assignment_input_created' ? 3 : 1)
    t.equal(names.length, students.length)
    t.notMatch(JSON.stringify(event.data ?? {}), /, /, 'no names in one text')
  }
})
