import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { witnessServer } from '../../src/witness/server.ts'
import { killAt, onRecord } from '../signed-notes.ts'
import { witnessIn, witnessSigner } from './given.ts'

// The real witness in a process of its own, killed at a step; it tells its port.
const [folder = '', record = '', step = '', nth = '1'] = process.argv.slice(2)
const witness = await witnessIn(folder, {
  signer: onRecord(witnessSigner, record), fault: killAt(step, Number(nth))
})
const server = witnessServer({ witness, onAnswer: () => {}, onError: () => {} })
server.listen(0, '127.0.0.1')
await once(server, 'listening')
process.send?.((server.address() as AddressInfo).port)
