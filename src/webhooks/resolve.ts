import { Resolver } from 'node:dns/promises'
import type { Resolve } from './address.ts'

const TIMEOUT_MS = 2_000
const TRIES = 2

/**
 * Asks the name servers of this machine, and not its hosts file: that is about this machine's own
 * neighbours. On sockets, for a name server that hangs must not take threads from anybody else.
 */
export const resolveName: Resolve = async (hostname, signal) => {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES })
  const cancel = (): void => { resolver.cancel() }
  signal.addEventListener('abort', cancel, { once: true })
  try {
    const found = await Promise.allSettled([
      resolver.resolve4(hostname), resolver.resolve6(hostname)
    ])
    const addresses = found.flatMap((one) => one.status === 'fulfilled' ? one.value : [])
    const [first] = found
    if (addresses.length === 0 && first.status === 'rejected') throw first.reason
    return addresses
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}
