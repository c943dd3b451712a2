import pino, { type Logger } from 'pino'

export type { Logger } from 'pino'

/**
 * The log of one process: JSON lines on stdout, object first, constant messages.
 * Credentials are removed here and nowhere else. So are addresses: a connection string holds a
 * password, a request's path the id of a person (the route's pattern is logged instead).
 */
export function createLogger (process: string, level: string): Logger {
  return pino({
    name: process,
    level,
    redact: {
      paths: ['req.headers.authorization', 'headers.authorization', '*.secret', 'url', '*.url'],
      censor: '[removed]'
    },
    serializers: { err: pino.stdSerializers.err }
  })
}
