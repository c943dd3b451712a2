import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import type { Server } from 'node:http'
import path from 'node:path'
import { LedgerError } from '../errors.ts'
import { createLogger } from '../log.ts'
import { formatVerifierKey } from '../proof/keys.ts'
import { witnessKey } from '../witness/key.ts'
import { fileLogs, givenLogs, joinLogs, type KnownLogs } from '../witness/logs.ts'
import { witnessServer } from '../witness/server.ts'
import { folderState } from '../witness/state.ts'
import { createWitness } from '../witness/witness.ts'
import type { Command, Given } from './command.ts'
import { LOG_FLAG } from './flags.ts'
import { listen } from './listen.ts'
import { aborted, announceReady, stopSignal } from './shutdown.ts'
import { holdAlone } from './single.ts'

const PORT_DEFAULT = '4610'
const FOLDER_DEFAULT = 'witness'

/** A witness: run it where the ledger's administrators have no account. */
export const witness: Command = {
  name: 'witness',
  summary: 'Cosigns checkpoints of logs that only grew (C2SP tlog-witness).',
  flags: {
    data: { value: 'DIR', help: `Folder of its key and memory (default ./${FOLDER_DEFAULT})` },
    name: { value: 'NAME', help: 'Of a new key: a URL without its scheme, witness.example/w1' },
    log: { value: 'VKEY', help: 'A log it cosigns for, by key; may be repeated', multiple: true },
    logs: { value: 'FILE', help: 'Lines `log VKEY` of a policy, read again when it changes' },
    host: { value: 'ADDRESS', help: 'Address it listens on (default 127.0.0.1)' },
    port: { value: 'N', help: `Port it listens on (default ${PORT_DEFAULT})` },
    ...LOG_FLAG
  },
  run: async (given) => {
    const { data = FOLDER_DEFAULT, name, host = '127.0.0.1', 'log-level': level } = given.flags
    const logs = await knownLogs(given)
    const port = portOf(given)
    const folder = path.resolve(data)
    const stop = stopSignal()
    const logger = createLogger('witness', level ?? 'info')
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const release = await holdAlone(folder)
    try {
      const signer = await witnessKey(path.join(folder, 'witness.key'), name)
      const state = await folderState(path.join(folder, 'logs'))
      const server = witnessServer({
        witness: createWitness({ signer, logs, state, now: Date.now }),
        onAnswer: (said) => { logger.info(said, 'answered') },
        onError: (err) => { logger.error({ err }, 'a request could not be answered') }
      })
      await listen(promised(server), { host, port })
      process.stdout.write(`The witness listens at http://${host}:${port}\n` +
        `Its key: ${formatVerifierKey(signer.key)}\n`)
      announceReady()
      await aborted(stop)
      server.closeAllConnections()
      await new Promise((resolve) => { server.close(resolve) })
    } finally {
      release()
    }
    return 0
  }
}

/** A server whose listening can be waited for. */
function promised (server: Server): Parameters<typeof listen>[0] {
  return {
    listen: async (address) => {
      server.listen(address)
      await once(server, 'listening')
    }
  }
}

async function knownLogs ({ flags }: Given): Promise<KnownLogs> {
  const { log, logs } = flags
  if (log === undefined && logs === undefined) {
    throw new LedgerError('CONFIG_INVALID', 'say whose checkpoints to cosign, by --log VKEY or ' +
      '--logs FILE. A ledger publishes them at /.well-known/ledger-keys?origin=NAME/TENANT.')
  }
  return joinLogs([
    ...(log === undefined ? [] : [givenLogs(log.split(','))]),
    ...(logs === undefined ? [] : [await fileLogs(path.resolve(logs))])
  ])
}

function portOf ({ flags: { port = PORT_DEFAULT } }: Given): number {
  if (!/^[0-9]{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new LedgerError('CONFIG_INVALID', `--port: ${port} is no port`)
  }
  return Number(port)
}
