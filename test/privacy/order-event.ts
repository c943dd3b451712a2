import type { EventInput } from '../../schemas/events/index.ts'
import type { SubjectRef } from '../../schemas/primitives.ts'

/** Whose data a part of the event is declared to be. */
export const sam: SubjectRef = { type: 'student', id: 's-7' }

/** An event with personal data in every place that it can have. */
export const event: EventInput = {
  action: 'order.updated',
  category: 'change',
  actor: { type: 'user', id: 'u-81', name: 'Alice', email: 'alice@example.com' },
  entity: { type: 'order', id: '456', name: 'Order 456' },
  related: [{ type: 'invoice', id: '9' }, { type: 'student', id: 's-7', name: 'Sam' }],
  outcome: 'success',
  description: 'Alice changed the order of Sam',
  context: { ip: '192.0.2.7', userAgent: 'curl', sessionId: 'sess', requestId: 'r-1' },
  before: { status: 'open' },
  after: { status: 'paid' },
  changes: [{ path: '/status', before: 'open', after: 'paid' }],
  data: { studentName: 'Sam', pupils: [{ name: 'Sam', grade: 1 }], operation: 'update' },
  personal: [{ subject: sam, paths: ['/data/studentName', '/data/pupils/0/name'] }]
}
