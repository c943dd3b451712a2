import {
  answers, feature, immutable, knows, proven, refuses, type Feature
} from './probes.ts'

const LOG = 'GET /api/activity-logs'
const KNOWN = 'GET /v1/schemas'
const KEPT = 'POST /v1/retention-policies'
const SELF = 'acme.self'

/** One of the thirteen actions. */
const action = (name: string, what: string): Feature => feature(what, KNOWN, knows('action', name))
const titled = { userAssignmentId: 'ua-1', assignmentTitle: 'Macroeconomics Midterm' }

export const COEQUAL: Readonly<Record<string, Feature>> = {
  C1: feature('A log for each user, who sees what they did and no more', LOG,
    answers('/api/activity-logs', { total: 3 }, SELF),
    refuses('/api/activity-logs', 403, 'acme.auditor'), refuses('/api/activity-logs', 401)),
  C2: action('assignment_created', 'An assignment is set'),
  C3: action('user_assignment_created', 'A workspace is opened for the first time'),
  C4: feature('Submissions are added: one entry for all, with the students\' names', KNOWN,
    knows('action', 'assignment_input_created'),
    answers('/api/activity-logs?offset=2', {
      items: [{
        action: 'assignment_input_created',
        payload: { ...titled, studentName: 'Ann Lee, Bob Ray', submissionCount: 2 }
      }]
    }, SELF)),
  C5: feature('A submission is removed: whose, and from which assignment', KNOWN,
    knows('action', 'assignment_input_deleted'),
    answers('/api/activity-logs?offset=1', {
      items: [{
        action: 'assignment_input_deleted', payload: { ...titled, studentName: 'Ann Lee' }
      }]
    }, SELF)),
  C6: action('user_assignment_uploaded', 'An assignment has its submissions'),
  C7: action('user_assignment_grading_started', 'Grading is started'),
  C8: feature('The worker has graded all: how many', KNOWN,
    knows('action', 'user_assignment_evaluated'),
    answers('/api/activity-logs?limit=1', { items: [{ payload: { submissionCount: 124 } }] },
      SELF)),
  C9: action('user_assignment_calibration_started', 'Calibration is started'),
  C10: action('user_assignment_calibration_skipped', 'Grades are taken without calibration'),
  C11: action('user_assignment_calibrated', 'The worker has scored all anew'),
  C12: action('user_assignment_exported', 'The result is taken out'),
  C13: action('frontier_answer_generated', 'The AI has written an answer to compare with'),
  C14: action('settings_updated', 'Settings are saved'),
  C15: feature('An entry can be said in a line without looking anything up', LOG,
    answers('/v1/me/events?render=true&limit=1', {
      items: [{ rendered: '124 submissions of Macroeconomics Midterm were graded' }]
    }, SELF)),
  C16: feature('Newest first; limit of 50, 200 at most; offset', LOG,
    answers('/api/activity-logs', { limit: 50, offset: 0 }, SELF),
    answers('/api/activity-logs?limit=201&offset=1', { limit: 200, offset: 1 }, SELF)),
  C17: feature('The documented answer, with times in seconds', LOG,
    answers('/api/activity-logs?limit=1', {
      items: [{ action: 'user_assignment_evaluated', createdAt: 1_746_273_600 }]
    }, SELF),
    proven('api/adapters/activity', 'Coequal: the documented log, field for field')),
  C18: feature('A dashboard of ten, a page of fifty at a time', LOG,
    answers('/api/activity-logs?limit=10', { limit: 10 }, SELF)),
  C19: feature('No way to edit or delete', LOG, immutable('/api/activity-logs')),
  C20: feature('Purging a person\'s data is done and documented', 'POST /v1/erasures',
    answers('/v1/erasures/{erasure}/certificate', { title: 'Certificate of erasure' })),
  C21: feature('Twelve months are kept at least', KEPT,
    proven('api/retention-policies', 'rows are kept for twelve months unless a policy is forced')),
  C22: feature('Nothing is cleaned up by itself', KEPT,
    answers('/v1/retention-policies', { items: { length: 0 } })),
  C23: feature('Old rows are removed where somebody decides so', KEPT,
    proven('api/retention-policies',
      'what is previewed is removed; what was removed says by whom, and is proven'))
}
