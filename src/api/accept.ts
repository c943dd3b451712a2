import type { FastifyRequest } from 'fastify'

/** Whether the request names the media type; without any it takes what the route has first. */
export function wants ({ headers }: Pick<FastifyRequest, 'headers'>, type: string): boolean {
  return (headers.accept ?? '').split(',')
    .some((range) => range.split(';', 1)[0]?.trim() === type)
}
