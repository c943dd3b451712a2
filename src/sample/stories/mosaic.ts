import { busyPerson, session } from '../people.ts'
import type { Story, StoryEvent } from '../story.ts'

const TASKS = ['Write the announcement', 'Review the contract', 'Order chairs', 'Fix the heating',
  'Plan the offsite', 'Update the price list'] as const

/** People sign in, work on tasks, projects and calendar events; agents help them. */
export const mosaic: Story = (random) => {
  const actor = busyPerson(random, 60, 'member')
  const context = session(random)
  const event = (action: string, more: Partial<StoryEvent> = {}): StoryEvent => ({
    action, category: 'action', actor, outcome: 'success', context, ...more
  })
  const login = random.chance(0.08)
    ? event('auth.login_failed', {
      category: 'auth', outcome: 'failure', data: { method: 'password', reason: 'wrong password' }
    })
    : event('auth.login', {
      category: 'auth', data: { method: random.pick(['password', 'oidc']), mfa: random.chance(0.6) }
    })
  if (login.outcome === 'failure') return [login]

  const task = { type: 'task', id: `t-${random.between(1, 300)}`, name: random.pick(TASKS) }
  const step = (action: string, status: string): StoryEvent => {
    return event(action, { category: 'task', entity: task, data: { taskType: 'todo', status } })
  }
  const work = [step('task.created', 'open'), step('task.assigned', 'assigned')]
  if (random.chance(0.6)) work.push(step('task.completed', 'done'))
  const project = event('project.updated', {
    category: 'change',
    entity: { type: 'project', id: `p-${random.between(1, 30)}` },
    related: [{ type: 'workspace', id: 'w-1' }],
    changes: [{ path: '/progress', before: random.between(0, 49), after: random.between(50, 100) }],
    data: { operation: 'update' }
  })
  const agent = event('agent.suggested', {
    actor: { type: 'agent', id: 'clawd-1' }, entity: task, context: {}, tags: ['agent']
  })
  return [login, ...work, ...(random.chance(0.3) ? [project] : []),
    ...(random.chance(0.2) ? [agent] : []), event('auth.logout', { category: 'auth' })]
}
