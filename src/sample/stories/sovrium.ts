import type { Context } from '../../../schemas/primitives.ts'
import { busyPerson, session, type Person } from '../people.ts'
import type { Random } from '../random.ts'
import type { Story, StoryEvent } from '../story.ts'

const STATUSES = ['draft', 'pending', 'paid', 'shipped', 'returned'] as const

/** Records of tables are created, updated, deleted and restored; administrators administer. */
export const sovrium: Story = (random) => {
  const actor = busyPerson(random, 40, 'clerk')
  const context = session(random)
  return random.chance(0.15)
    ? [administration(random, actor, context)]
    : records(random, actor, context)
}

function records (random: Random, actor: Person, context: Context): StoryEvent[] {
  const id = String(random.between(1, 400))
  const entity = { type: 'orders', id, name: `Order ${id}` }
  const total = random.between(10, 900)
  const event = (operation: string): StoryEvent => ({
    action: `record.${operation}d`,
    category: 'change',
    actor,
    entity,
    outcome: 'success',
    context,
    data: { operation }
  })
  const from = random.pick(STATUSES)
  const to = random.pick(STATUSES)
  const updated = {
    ...event('update'),
    before: { status: from, total: `${total}.00`, currency: 'EUR' },
    after: { status: to, total: `${total}.00`, currency: 'EUR' }
  }
  if (random.chance(0.3)) return [{ ...event('create'), after: updated.before }, updated]
  if (random.chance(0.1)) return [event('delete'), event('restore')]
  return [updated]
}

function administration (random: Random, actor: Person, context: Context): StoryEvent {
  const subject = busyPerson(random, 40, 'clerk')
  const action = random.pick(['user.created', 'user.role_changed', 'user.banned',
    'schema.published', 'record.force_deleted'])
  const aboutUser = action.startsWith('user.')
  return {
    action,
    category: 'action',
    actor,
    outcome: random.chance(0.05) ? 'denied' : 'success',
    context,
    tags: ['administration'],
    entity: aboutUser ? { type: 'user', id: subject.id } : { type: 'schema', id: 'main' },
    data: action === 'user.role_changed' ? { from: 'viewer', to: 'editor' } : {}
  }
}
