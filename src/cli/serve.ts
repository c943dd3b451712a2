import { createApp } from '../api/app.ts'
import { createLogger } from '../log.ts'
import { connectedConfigOf, DATA_FLAG, LISTEN_FLAGS, LOG_FLAG } from './flags.ts'
import type { Command } from './command.ts'
import { connect, KEY_ENVIRONMENT } from './connect.ts'
import { listen } from './listen.ts'
import { aborted, announceReady, stopSignal } from './shutdown.ts'

/** The API: stateless, any number of them. */
export const serve: Command = {
  name: 'serve',
  summary: 'Runs the HTTP API over servers that EVENTSTORE_URL and DATABASE_URL name.',
  flags: { ...DATA_FLAG, ...LISTEN_FLAGS, ...LOG_FLAG },
  run: async (given) => {
    const config = connectedConfigOf(given)
    const stop = stopSignal()
    const logger = createLogger('api', config.logLevel ?? 'info')
    const onWaiting = (err: unknown): void => { logger.warn({ err }, 'waiting for the database') }
    const connected = await connect({ ...config, onWaiting, signal: stop })
    const app = createApp({ ...connected, logger, keyEnvironment: KEY_ENVIRONMENT })
    try {
      await listen(app, config)
      logger.info({ host: config.host, port: config.port }, 'the API listens')
      announceReady()
      await aborted(stop)
    } finally {
      await app.close()
      await connected.close()
    }
    return 0
  }
}
