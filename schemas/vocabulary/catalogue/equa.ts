import type { ActionSchema } from '../action-schema.ts'

/** What Equa records of holders of shares and options. */
export const EQUA: Readonly<Record<string, ActionSchema>> = {
  login: { category: 'auth', template: '{actor} signed in' },
  share_transfer: { category: 'change', template: '{actor} transferred shares of {entity}' },
  'option_exercise.progressed': {
    category: 'task', template: 'The exercise of {entity} is {data.status}'
  }
}
