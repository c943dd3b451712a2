import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifySchema } from 'fastify'
import { ROLES } from '../../schemas/http/api-keys.ts'
import { Problem } from '../../schemas/problem.ts'
import type { App } from './endpoint.ts'
import { nameSchemas } from './openapi-schemas.ts'
import { PROBLEM_TYPE } from './problems.ts'
import { DOCS_CSP } from './security-headers.ts'

const DESCRIPTION = `An event-sourced audit ledger: what is appended stays, is found as feeds,
trails and lists, and can be read again from the log itself.

Every request but the operational ones carries an API key: \`Authorization: Bearer al_…\`.
Refusals and failures are \`application/problem+json\` (RFC 9457) with a stable \`type\`.

Roles: ${Object.entries(ROLES).map(([role, may]) => `**${role}** may ${may}`).join('; ')}.`

/** Describes every route that is registered after it, at /openapi.json and /docs. */
export function describeRoutes (app: App): void {
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'audit-ledger',
        version: '1',
        description: DESCRIPTION,
        license: { name: 'MIT', identifier: 'MIT' }
      },
      servers: [{ url: '/' }],
      components: {
        securitySchemes: { apiKey: { type: 'http', scheme: 'bearer', bearerFormat: 'al_…' } }
      }
    },
    transformObject: (document) => {
      return 'openapiObject' in document ? nameSchemas(document.openapiObject) : {}
    },
    transform: ({ schema, url, route }) => ({
      url, schema: withAccess(schema ?? {}, route.config?.roles)
    })
  })
  app.register(swaggerUi, { routePrefix: '/docs', staticCSP: DOCS_CSP })
}

/** What all routes share is said here once: how they fail, and who may call them. */
function withAccess (schema: FastifySchema, roles: readonly string[] | undefined): FastifySchema {
  const failure = { description: 'Problem', content: { [PROBLEM_TYPE]: { schema: Problem } } }
  const given = typeof schema.response === 'object' ? schema.response : {}
  const response = { ...given, default: failure }
  if (roles === undefined) return { ...schema, response, security: [] }
  const needs = `Needs the role ${roles.join(' or ')}.`
  return {
    ...schema,
    response,
    security: [{ apiKey: [] }],
    description: [schema.description, needs].filter(Boolean).join(' ')
  }
}
