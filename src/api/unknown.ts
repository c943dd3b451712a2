import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { LedgerError } from '../errors.ts'
import type { App } from './endpoint.ts'
import { sendProblem } from './problems.ts'

interface Known {
  segments: readonly string[]
  methods: Set<string>
}

/**
 * Answers what no route does: 405 with Allow where the address exists, else 404. Must come before
 * the routes, as it learns them while they are registered.
 */
export function answerUnknown (app: App): void {
  const known = new Map<string, Known>()

  app.addHook('onRoute', ({ url, method }: RouteOptions) => {
    const entry = known.get(url) ?? { segments: url.split('/'), methods: new Set<string>() }
    for (const name of [method].flat()) entry.methods.add(name)
    known.set(url, entry)
  })

  app.setNotFoundHandler(async (request: FastifyRequest, reply: FastifyReply) => {
    const segments = request.url.split('?', 1)[0]?.split('/') ?? []
    const methods = [...known.values()]
      .filter((route) => matches(route.segments, segments))
      .flatMap((route) => [...route.methods])
    if (methods.length === 0) {
      return await sendProblem(new LedgerError('NOT_FOUND', 'No such address'), request, reply)
    }
    const allow = [...new Set(methods)].sort().join(', ')
    reply.header('allow', allow)
    const refused = new LedgerError('METHOD_NOT_ALLOWED', `Served here: ${allow}`)
    return await sendProblem(refused, request, reply)
  })
}

function matches (pattern: readonly string[], segments: readonly string[]): boolean {
  return pattern.length === segments.length && pattern.every((part, index) => {
    return part.startsWith(':') ? segments[index] !== '' : part === segments[index]
  })
}
