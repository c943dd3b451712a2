import { rotateSealingKey } from '../worker/sealing-key.ts'
import type { Command } from './command.ts'
import { configOf, DATA_FLAG } from './flags.ts'

/** Another key for checkpoints; run where the worker's key file is. */
export const rotateSealing: Command = {
  name: 'rotate-sealing-key',
  summary: 'Makes a new key that signs checkpoints; the old one signs once more, to hand over.',
  flags: { ...DATA_FLAG },
  run: async (given) => {
    const { sealingKeyFile } = configOf(given)
    await rotateSealingKey(sealingKeyFile)
    process.stdout.write(`${sealingKeyFile} has a new key. A worker that runs hands over within ` +
      'a second; tell your auditors of the key, which /.well-known/ledger-keys shows then.\n')
    return 0
  }
}
