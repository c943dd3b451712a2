import { busyPerson, session } from '../people.ts'
import type { Story, StoryEvent } from '../story.ts'

const ENDPOINTS = ['/api/users', '/api/accounts', '/api/transactions', '/api/budgets'] as const

/** API calls, reads of tables, calls to other services and what the system does by itself. */
export const truledgr: Story = (random) => {
  const actor = busyPerson(random, 50, 'customer')
  const context = { ...session(random), requestId: random.uuid() }
  const endpoint = random.pick(ENDPOINTS)
  const failed = random.chance(0.06)
  const call: StoryEvent = {
    action: 'api.called',
    category: 'api',
    actor,
    context,
    outcome: failed ? 'failure' : 'success',
    data: {
      method: random.pick(['GET', 'POST', 'PATCH']),
      endpoint,
      statusCode: failed ? 500 : 200,
      durationMs: random.between(2, 400)
    }
  }
  const read: StoryEvent = {
    action: 'data.read',
    category: 'access',
    actor,
    context,
    outcome: 'success',
    entity: { type: 'table', id: endpoint.slice(5) },
    data: {
      operation: 'read',
      fields: ['id', 'name', 'balance'],
      permission: 'own',
      rowCount: random.between(1, 50)
    }
  }
  const bank: StoryEvent = {
    action: 'external.called',
    category: 'external',
    actor: { type: 'service', id: 'bank-sync' },
    outcome: failed ? 'failure' : 'success',
    data: {
      service: 'open-banking',
      endpoint: '/accounts',
      method: 'GET',
      statusCode: failed ? 429 : 200,
      durationMs: random.between(50, 2_000),
      ...(failed ? { rateLimit: { remaining: 0, resetS: 60 } } : {})
    }
  }
  const system: StoryEvent = {
    action: failed ? 'job.failed' : 'migration.applied',
    category: 'system',
    actor: { type: 'system' },
    outcome: failed ? 'failure' : 'success',
    tags: ['operations'],
    data: { severity: failed ? 'error' : 'info', component: 'scheduler' }
  }
  const later = [
    ...(random.chance(0.3) ? [bank] : []),
    ...(random.chance(0.1) ? [system] : [])
  ]
  return [call, read, ...later]
}
