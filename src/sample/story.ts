import type { EventInput } from '../../schemas/events/index.ts'
import type { Random } from './random.ts'

/** An event whose id and time the sample gives: both come from the seed and the calendar. */
export type StoryEvent = Omit<EventInput, 'id' | 'occurredAt'>

/** What one person or program does in one sitting: events that follow each other in minutes. */
export type Story = (random: Random) => StoryEvent[]
