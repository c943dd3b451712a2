import type { ActionSchema } from '../action-schema.ts'

const said = (category: ActionSchema['category'], template: string): ActionSchema =>
  ({ category, template })

/** TruLedgr's seven kinds. */
export const TRULEDGR: Readonly<Record<string, ActionSchema>> = {
  user_login: said('auth', '{actor} signed in'),
  user_logout: said('auth', '{actor} signed out'),
  user_creation: said('action', '{actor} made the user {entity}'),
  'api.called': said('api', '{actor} called {data.method} {data.endpoint}: {data.statusCode}'),
  'data.read': said('access', '{actor} read {entity}'),
  'data.changed': said('change', '{actor} changed {entity}'),
  'external.called': said(
    'external', '{actor} called {data.service} {data.endpoint}: {data.statusCode}'),
  'job.failed': said('system', '{data.component} failed: {data.errorCode}')
}
