import type { ActionSchema } from '../action-schema.ts'
import type { DataSchema } from '../data-schema.ts'

const text: DataSchema = { type: 'string' }
const count: DataSchema = { type: 'integer', minimum: 0 }
const titled = { userAssignmentId: text, assignmentTitle: text }

const said = (template: string, properties: DataSchema['properties'] = titled): ActionSchema => ({
  category: 'action', template, data: { type: 'object', properties }
})

/** What teachers, workers and the AI of Coequal do. */
export const COEQUAL: Readonly<Record<string, ActionSchema>> = {
  assignment_created: said('{actor} created the assignment {data.assignmentTitle}'),
  user_assignment_created: said('{actor} opened {data.assignmentTitle} for the first time'),
  assignment_input_created: {
    ...said('{actor} added {data.submissionCount} submissions to {data.assignmentTitle}',
      { ...titled, studentName: text, submissionCount: count }),
    description: 'Students who are related to it, each with a name, can be erased one by one: ' +
      'studentName is made of their names where entries are read'
  },
  assignment_input_deleted: {
    ...said('{actor} removed a submission from {data.assignmentTitle}',
      { ...titled, studentId: text, studentName: text }),
    personal: [{
      subject: { type: 'student', id: '/data/studentId' },
      paths: ['/data/studentName', '/data/studentId']
    }]
  },
  user_assignment_uploaded: said('Submissions of {data.assignmentTitle} arrived'),
  user_assignment_grading_started: said('{actor} started grading {data.assignmentTitle}'),
  user_assignment_evaluated: said(
    '{data.submissionCount} submissions of {data.assignmentTitle} were graded',
    { ...titled, submissionCount: count }),
  user_assignment_calibration_started: said('{actor} started calibrating {data.assignmentTitle}'),
  user_assignment_calibration_skipped: said(
    '{actor} accepted the grades of {data.assignmentTitle} without calibration'),
  user_assignment_calibrated: said('{data.assignmentTitle} was scored anew after calibration'),
  user_assignment_exported: said('{actor} exported {data.assignmentTitle}'),
  frontier_answer_generated: said('A benchmark answer for {data.assignmentTitle} was generated'),
  settings_updated: said('{actor} changed their settings', {})
}
