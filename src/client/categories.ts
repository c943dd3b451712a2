import type { Category, EventBase, EventInput, EventOf, DataOf } from './event.ts'

/** Takes events: a client answers with receipts, `buffered(client)` when they are in its buffer. */
export interface Writer<R> {
  append (event: EventInput): Promise<R>
}

/** What there is to say of an event besides its action and its category. */
export type Said<C extends Category> = Omit<EventBase, 'action' | 'outcome'> & {
  /** success, if nothing else is said. */
  outcome?: EventBase['outcome']
  data?: DataOf[C]
}

/** A function for each category: `auth('auth.login', { actor, data: { method: 'password' } })`. */
export type Categories<R> = {
  [C in Category]: (action: string, said: Said<C>) => Promise<R>
}

/** The event of a category; its outcome is success unless it is said to be another. */
export function eventOfCategory<C extends Category> (
  category: C, action: string, said: Said<C>
): EventOf<C> {
  return { outcome: 'success', ...said, action, category }
}

/** The functions of all categories over a writer. */
export function categories<R> (writer: Writer<R>): Categories<R> {
  const of = <C extends Category>(category: C) => async (action: string, said: Said<C>) => {
    // One of the union, which the compiler cannot tell while the category is open.
    const event: EventOf<Category> = eventOfCategory(category, action, said)
    return await writer.append(event as EventInput)
  }
  return {
    action: of('action'),
    auth: of('auth'),
    change: of('change'),
    access: of('access'),
    api: of('api'),
    external: of('external'),
    system: of('system'),
    task: of('task')
  }
}

/** A writer whose events are in the buffer when it answers, instead of in the ledger. */
export function buffered (client: { record (event: EventInput): Promise<void> }): Writer<void> {
  return { append: async (event) => { await client.record(event) } }
}
