import t from 'tap'
import { killWitnesses } from '../witness/killing.ts'
import { killSealers } from '../worker/killing.ts'

const ROUNDS = Number(process.env['ROUNDS'] ?? 12)

t.test(`${ROUNDS} times kill -9 of a sealer at each step`, { timeout: 1_700_000 }, async (t) => {
  await killSealers(t, ROUNDS)
})

t.test(`${ROUNDS} times kill -9 of a witness at each step`, { timeout: 600_000 }, async (t) => {
  await killWitnesses(t, ROUNDS)
})
