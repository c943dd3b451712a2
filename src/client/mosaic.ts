import { eventOfCategory, type Writer } from './categories.ts'
import type { Category, ChangeData, Context, EntityRef, EventInput } from './event.ts'

/** What every helper is told: who did it, and what else there is to say. */
export interface MosaicSaid {
  userId: string
  /** Anything; what the log shows as the entry's metadata. */
  details?: Record<string, unknown>
  /** A name that a reader knows the entity by. */
  name?: string
  before?: unknown
  after?: unknown
  ipAddress?: string
  userAgent?: string
  /** Also in whose trails it is to be seen; at most 20. */
  related?: EntityRef[]
}

/** The generic helper: `action` is a dotted name, or one of Mosaic's constants. */
export interface MosaicActivity extends MosaicSaid {
  action: string
  /** TASK, EVENT, PROJECT, WORKSPACE, USER, IDEA, DOMAIN, in either case, or any other type. */
  entityType?: string
  entityId?: string
}

type Logged<Member extends string, R> =
  (said: MosaicSaid & Record<Member, string>) => Promise<R>

/** Mosaic's helpers by their names. */
export interface MosaicHelpers<R> {
  logTaskCreated: Logged<'taskId', R>
  logTaskUpdated: Logged<'taskId', R>
  logTaskDeleted: Logged<'taskId', R>
  logTaskCompleted: Logged<'taskId', R>
  logTaskAssigned: Logged<'taskId' | 'assigneeId', R>
  logEventCreated: Logged<'eventId', R>
  logEventUpdated: Logged<'eventId', R>
  logEventDeleted: Logged<'eventId', R>
  logProjectCreated: Logged<'projectId', R>
  logProjectUpdated: Logged<'projectId', R>
  logProjectDeleted: Logged<'projectId', R>
  logWorkspaceCreated: Logged<'workspaceId', R>
  logWorkspaceUpdated: Logged<'workspaceId', R>
  logWorkspaceMemberAdded: Logged<'workspaceId' | 'memberId', R>
  logWorkspaceMemberRemoved: Logged<'workspaceId' | 'memberId', R>
  /** A user whose profile changed; `targetUserId` is whose, if not the acting user's own. */
  logUserUpdated: (said: MosaicSaid & { targetUserId?: string }) => Promise<R>
  logActivity: (said: MosaicActivity) => Promise<R>
}

/** What Mosaic's constants of sign-ins are here; the others are verbs that follow the entity. */
const AUTH: Readonly<Record<string, string>> = {
  LOGIN: 'auth.login',
  LOGOUT: 'auth.logout',
  PASSWORD_RESET: 'auth.password_reset',
  EMAIL_VERIFIED: 'auth.email_verified'
}
const OPERATIONS: Readonly<Record<string, ChangeData['operation']>> = {
  created: 'create', updated: 'update', deleted: 'delete'
}
/** Entity types whose created, updated and deleted are changes of them. */
const CHANGED = new Set(['event', 'project', 'workspace', 'user'])
/** Where a task stands after what happened to it. */
const STATUSES: Readonly<Record<string, string>> = {
  created: 'open', completed: 'completed', assigned: 'assigned', deleted: 'deleted'
}

/**
 * Mosaic's helpers over a client (they resolve with receipts) or `buffered(client)`. Their
 * entries come back at `/api/activity` and in the audit trails of their entities. The workspace
 * is the tenant of the key.
 */
export function mosaic<R> (writer: Writer<R>): MosaicHelpers<R> {
  const write = async (said: MosaicActivity): Promise<R> => await writer.append(activityOf(said))
  /** A helper whose entity's id is called `<type>Id`. */
  const of = <Member extends string>(type: string, verb: string, member: Member) =>
    async (said: MosaicSaid & Record<Member, string>): Promise<R> => {
      return await write({
        ...said, action: `${type}.${verb}`, entityType: type, entityId: said[member]
      })
    }
  /** The same about a second person, who is in the trail as well. */
  const about = <Member extends string, Person extends string>(
    helper: (said: MosaicSaid & Record<Member, string>) => Promise<R>, person: Person
  ) => async (said: MosaicSaid & Record<Member | Person, string>): Promise<R> => {
      const id: string = said[person]
      return await helper({
        ...said,
        details: { ...said.details, [person]: id },
        related: [...said.related ?? [], { type: 'user', id }]
      })
    }
  return {
    logTaskCreated: of('task', 'created', 'taskId'),
    logTaskUpdated: of('task', 'updated', 'taskId'),
    logTaskDeleted: of('task', 'deleted', 'taskId'),
    logTaskCompleted: of('task', 'completed', 'taskId'),
    logTaskAssigned: about(of('task', 'assigned', 'taskId'), 'assigneeId'),
    logEventCreated: of('event', 'created', 'eventId'),
    logEventUpdated: of('event', 'updated', 'eventId'),
    logEventDeleted: of('event', 'deleted', 'eventId'),
    logProjectCreated: of('project', 'created', 'projectId'),
    logProjectUpdated: of('project', 'updated', 'projectId'),
    logProjectDeleted: of('project', 'deleted', 'projectId'),
    logWorkspaceCreated: of('workspace', 'created', 'workspaceId'),
    logWorkspaceUpdated: of('workspace', 'updated', 'workspaceId'),
    logWorkspaceMemberAdded: about(of('workspace', 'member_added', 'workspaceId'), 'memberId'),
    logWorkspaceMemberRemoved: about(of('workspace', 'member_removed', 'workspaceId'), 'memberId'),
    logUserUpdated: async (said) => await write({
      ...said,
      action: 'user.updated',
      entityType: 'user',
      entityId: said.targetUserId ?? said.userId
    }),
    logActivity: write
  }
}

function activityOf (said: MosaicActivity): EventInput {
  const { userId, details, name, before, after, related, entityType, entityId } = said
  const type = typeOf(entityType)
  const action = actionOf(said.action, type)
  const category = categoryOf(action)
  const context: Context = {
    ...said.ipAddress !== undefined && { ip: said.ipAddress },
    ...said.userAgent !== undefined && { userAgent: said.userAgent }
  }
  const data = { ...defaultsOf(category, action), ...details }
  const event = eventOfCategory(category, action, {
    actor: { type: 'user', id: userId },
    ...type !== undefined && entityId !== undefined && {
      entity: { type, id: entityId, ...name !== undefined && { name } }
    },
    ...related !== undefined && { related },
    ...before !== undefined && { before },
    ...after !== undefined && { after },
    ...Object.keys(context).length > 0 && { context },
    ...Object.keys(data).length > 0 && { data }
  })
  return event as EventInput
}

/** Mosaic's types are in capitals there and not here; those of others stay as they are. */
function typeOf (entityType: string | undefined): string | undefined {
  return entityType !== undefined && /^[A-Z_]+$/.test(entityType)
    ? entityType.toLowerCase()
    : entityType
}

function actionOf (action: string, type: string | undefined): string {
  if (!/^[A-Z_]+$/.test(action)) return action
  return AUTH[action] ?? [type ?? 'user', action.toLowerCase()].join('.')
}

function categoryOf (action: string): Category {
  const [type = '', verb = ''] = action.split('.')
  if (type === 'auth' || type === 'task') return type
  const isChange = CHANGED.has(type) && (verb in OPERATIONS || verb.startsWith('member_'))
  return isChange ? 'change' : 'action'
}

function defaultsOf (category: Category, action: string): Record<string, unknown> {
  const verb = action.split('.')[1] ?? ''
  if (category === 'task') {
    const status = STATUSES[verb]
    return status === undefined ? {} : { taskType: 'task', status }
  }
  return category === 'change' ? { operation: OPERATIONS[verb] ?? 'update' } : {}
}
