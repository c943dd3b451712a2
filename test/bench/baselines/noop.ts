/** `noop`: parses and checks, keeps nothing. What HTTP and validation alone allow. */
import { serveBaseline } from './server.ts'

await serveBaseline({ append: async () => {} })
