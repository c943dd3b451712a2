import type { Config } from '../config.ts'
import { LedgerError } from '../errors.ts'

interface Listener {
  listen: (address: { host: string, port: number }) => Promise<unknown>
}

/** Listens where the configuration says. Throws CONFIG_INVALID with a way out if it cannot. */
export async function listen (
  app: Listener, { host, port }: Pick<Config, 'host' | 'port'>
): Promise<void> {
  try {
    await app.listen({ host, port })
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    const why = {
      EADDRINUSE: `port ${port} is taken; choose another with --port N`,
      EACCES: `port ${port} may not be used by this account; choose one above 1023`,
      EADDRNOTAVAIL: `this machine has no address ${host}`
    }[String(code)]
    if (why === undefined) throw cause
    throw new LedgerError('CONFIG_INVALID', `cannot listen: ${why}`, { cause })
  }
}
