import { busyPerson, person, session } from '../people.ts'
import type { Story, StoryEvent } from '../story.ts'

const TITLES = ['Macroeconomics Midterm', 'Essay on Kant', 'Linear Algebra 2', 'Lab Report 4',
  'History of Europe', 'Poetry Analysis'] as const

/** A teacher sets an assignment, collects submissions, has them graded and exports the result. */
export const coequal: Story = (random) => {
  const actor = busyPerson(random, 25, 'teacher')
  const context = session(random)
  const assignmentTitle = random.pick(TITLES)
  const submissionCount = random.between(3, 30)
  const entity = {
    type: 'user_assignment', id: `ua-${random.between(1, 120)}`, name: assignmentTitle
  }
  const event = (action: string, data: Record<string, unknown> = {}): StoryEvent => ({
    action,
    category: 'action',
    actor,
    entity,
    outcome: 'success',
    context,
    data: { userAssignmentId: entity.id, assignmentTitle, ...data }
  })
  const first = random.between(0, 78)
  const students = [first, first + 1, first + 2].map((index) => person(index, 'student'))
  // Each student's name is sealed for that student alone: any of them can be erased.
  const added: StoryEvent = {
    ...event('assignment_input_created', { submissionCount: students.length }),
    related: students.map(({ id, name }) => ({ type: 'student', id, ...name && { name } }))
  }
  const removed = students.slice(0, 1).map(({ id, name }): StoryEvent => ({
    ...event('assignment_input_deleted', { studentName: name }),
    personal: [{ subject: { type: 'student', id }, paths: ['/data/studentName'] }]
  }))
  if (random.chance(0.1)) {
    return [{ ...event('settings_updated'), entity: { type: 'settings', id: actor.id } }]
  }
  const begun = [event('assignment_created'), event('user_assignment_created'), added,
    ...random.chance(0.2) ? removed : [], event('user_assignment_uploaded')]
  if (random.chance(0.4)) return begun
  const calibration = random.chance(0.5)
    ? [event('user_assignment_calibration_started'), event('user_assignment_calibrated')]
    : [event('user_assignment_calibration_skipped')]
  const worker = { type: 'service' as const, id: 'grading-worker' }
  return [...begun, event('user_assignment_grading_started'),
    // The worker did it, for the teacher: who did and whose log it is in are two things.
    {
      ...event('user_assignment_evaluated', { submissionCount }),
      actor: worker,
      related: [{ type: 'user', id: actor.id }],
      context: {}
    },
    ...calibration, event('user_assignment_exported')]
}
