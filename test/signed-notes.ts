import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'

import { parseCheckpoint, type Checkpoint } from '../src/proof/checkpoint.ts'
import type { Signer } from '../src/proof/keys.ts'

/** A signer of which every signature is in a file, on disk, before anybody gets it. */
export function onRecord (signer: Signer, file: string): Signer {
  return {
    key: signer.key,
    async sign (message) {
      const signature = await signer.sign(message)
      const record = openSync(file, 'a')
      writeSync(record, JSON.stringify(message.toString()) + '\n')
      fsyncSync(record)
      closeSync(record)
      return signature
    }
  }
}

/** Every tree head that was ever signed, by a log or by a witness, in order. */
export function everSigned (file: string): Checkpoint[] {
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8').split('\n').slice(0, -1).map((line) => {
    const message: string = JSON.parse(line)
    return parseCheckpoint(message.replace(/^cosignature\/v1\ntime [0-9]+\n/, ''))
  })
}

/** Kills this very process at the nth time that a step is reached. */
export function killAt (step: string, nth: number): (reached: string) => void {
  let times = 0
  return (reached) => {
    if (reached === step && ++times === nth) process.kill(process.pid, 'SIGKILL')
  }
}
