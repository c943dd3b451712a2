import { busyPerson, session } from '../people.ts'
import type { Story, StoryEvent } from '../story.ts'

/** Shares are transferred and options exercised, step by step. */
export const equa: Story = (random) => {
  const actor = busyPerson(random, 30, 'holder')
  const context = session(random)
  if (random.chance(0.5)) {
    const shares = random.between(1, 500)
    return [{
      action: 'share_transfer',
      category: 'change',
      actor,
      context,
      outcome: random.chance(0.05) ? 'failure' : 'success',
      entity: { type: 'shareholding', id: `sh-${random.between(1, 200)}` },
      related: [{ type: 'user', id: busyPerson(random, 30, 'holder').id }],
      description: `Transferred ${shares} shares`,
      before: { shares: 500 },
      after: { shares: 500 - shares },
      data: { operation: 'update', businessRules: [{ rule: 'lock-up', passed: true }] }
    }]
  }
  const entity = { type: 'option_grant', id: `og-${random.between(1, 150)}` }
  const step = (status: string): StoryEvent => ({
    action: 'option_exercise.progressed',
    category: 'task',
    actor,
    entity,
    outcome: 'success',
    context,
    data: { taskType: 'OptionExercise', status }
  })
  const steps = ['requested', 'payment_received', 'board_approved', 'completed']
  return steps.slice(0, random.between(1, steps.length)).map(step)
}
