import type { ActionSchema } from '../action-schema.ts'

const said = (category: ActionSchema['category'], template: string): ActionSchema =>
  ({ category, template })

/** Sovrium's four categories: records, sign-ins, administration and the system. */
export const SOVRIUM: Readonly<Record<string, ActionSchema>> = {
  'record.created': said('change', '{actor} created {entity}'),
  'record.updated': said('change', '{actor} changed {entity}'),
  'record.deleted': said('change', '{actor} deleted {entity}'),
  'record.restored': said('change', '{actor} restored {entity}'),
  'record.force_deleted': said('action', '{actor} deleted {entity} for good'),
  'auth.signed_up': said('auth', '{actor} signed up'),
  'auth.session_revoked': said('auth', '{actor} ended a session'),
  'user.created': said('action', '{actor} made the user {entity}'),
  'user.role_changed': said('action', '{actor} made {entity} {data.to}'),
  'user.banned': said('action', '{actor} banned {entity}'),
  'schema.published': said('action', '{actor} published the schema {entity}'),
  'migration.applied': said('system', 'A migration was applied by {data.component}'),
  'account.deletion.scheduled': said('system', 'The account {entity} is to be deleted'),
  'account.deletion.purged': said('system', 'The account {entity} was purged')
}
