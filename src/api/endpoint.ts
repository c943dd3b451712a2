import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type {
  FastifyBaseLogger, FastifyInstance, FastifySchema, RawReplyDefaultExpression,
  RawRequestDefaultExpression, RawServerDefault, RouteGenericInterface, RouteHandlerMethod
} from 'fastify'
import type { Role } from '../../schemas/http/api-keys.ts'

/** Fastify, with requests typed by their schemas. */
export type App = FastifyInstance<RawServerDefault, RawRequestDefaultExpression,
  RawReplyDefaultExpression, FastifyBaseLogger, TypeBoxTypeProvider>

type Handler<Schema extends FastifySchema> = RouteHandlerMethod<RawServerDefault,
  RawRequestDefaultExpression, RawReplyDefaultExpression, RouteGenericInterface, unknown, Schema,
  TypeBoxTypeProvider, FastifyBaseLogger>

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** Where an endpoint is found and who may call it; without roles anybody may. */
export interface At {
  method: Method
  url: string
  roles?: readonly Role[] | undefined
  /** Another address of what is described already. */
  isHidden?: true
}

/** What a route does and takes; the route table says where it is and who may call it. */
export type Endpoint = (scope: App, at: At) => void

/** Makes an endpoint; the handler's request is typed by the schema, which also is its document. */
export function endpoint<const Schema extends FastifySchema> (
  schema: Schema, handler: Handler<Schema>
): Endpoint {
  return (scope, { method, url, roles, isHidden }) => {
    scope.route({
      method,
      url,
      schema: isHidden === true ? { ...schema, hide: true } : schema,
      handler,
      config: roles === undefined ? {} : { roles }
    })
  }
}
