import type { ActionSchema } from '../action-schema.ts'

const said = (category: ActionSchema['category'], template: string): ActionSchema =>
  ({ category, template })

const changes = (kind: string): Record<string, ActionSchema> => ({
  [`${kind}.created`]: said('change', `{actor} created the ${kind} {entity}`),
  [`${kind}.updated`]: said('change', `{actor} changed the ${kind} {entity}`),
  [`${kind}.deleted`]: said('change', `{actor} deleted the ${kind} {entity}`)
})

/** The categories of Mosaic, and what its agents do. */
export const MOSAIC: Readonly<Record<string, ActionSchema>> = {
  'auth.login': said('auth', '{actor} signed in'),
  'auth.login_failed': said('auth', '{actor} failed to sign in: {data.reason}'),
  'auth.logout': said('auth', '{actor} signed out'),
  'auth.token_refreshed': said('auth', 'The session of {actor} went on'),
  'auth.password_reset': said('auth', '{actor} reset their password'),
  'auth.email_verified': said('auth', '{actor} verified their e-mail address'),
  'user.updated': said('change', '{actor} changed the profile of {entity}'),
  ...changes('workspace'),
  'workspace.member_added': said('change', '{actor} added a member to {entity}'),
  'workspace.member_removed': said('change', '{actor} removed a member from {entity}'),
  ...changes('event'),
  ...changes('project'),
  'task.created': said('task', '{actor} created the task {entity}'),
  'task.updated': said('task', '{actor} changed the task {entity}'),
  'task.deleted': said('task', '{actor} deleted the task {entity}'),
  'task.completed': said('task', '{actor} completed the task {entity}'),
  'task.assigned': said('task', '{actor} assigned the task {entity}'),
  'agent.suggested': said('action', '{actor} suggested something for {entity}')
}
