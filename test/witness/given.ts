import { join } from 'node:path'
import type { Test } from 'tap'
import { formatCheckpoint } from '../../src/proof/checkpoint.ts'
import { leafHash } from '../../src/proof/leaf.ts'
import { COSIGNATURE, ED25519, signerFrom } from '../../src/proof/keys.ts'
import { planConsistency, proofFrom } from '../../src/proof/merkle-proof.ts'
import { signNote } from '../../src/proof/note.ts'
import { folderState } from '../../src/witness/state.ts'
import { givenLogs } from '../../src/witness/logs.ts'
import { createWitness, type Witness, type WitnessOptions } from '../../src/witness/witness.ts'
import { formatVerifierKey } from '../../src/proof/keys.ts'
import { testFolder } from '../helper.ts'
import { treeOf, type TestTree } from '../proof/tree.ts'

export const ORIGIN = 'ledger/acme'
export const logSigner = signerFrom(ORIGIN, ED25519, Buffer.alloc(32, 1))
export const witnessSigner = signerFrom('witness.example/w1', COSIGNATURE, Buffer.alloc(32, 2))

/** The tree that everybody saw, and one that went another way after `fork` leaves. */
export function branches (size: number, fork: number): { honest: TestTree, other: TestTree } {
  const leaf = (name: string, at: number): Buffer => leafHash(`${name} ${at}`)
  const leaves = (name: string): Buffer[] =>
    Array.from({ length: size }, (_, at) => leaf(at < fork ? 'common' : name, at))
  return { honest: treeOf(leaves('honest')), other: treeOf(leaves('other')) }
}

export async function noteOf (
  tree: TestTree, size: number, signer = logSigner, origin = ORIGIN
): Promise<string> {
  const root = tree.root(BigInt(size))
  const text = formatCheckpoint({ origin, size: BigInt(size), root, extensions: [] })
  return await signNote(text, [signer])
}

/** The body that asks to cosign the tree of `size` leaves after that of `old`. */
export async function bodyOf (
  tree: TestTree, old: number, size: number, note?: string
): Promise<Buffer> {
  const proof = proofFrom(planConsistency(BigInt(old), BigInt(Math.max(size, old))), tree.read)
  const lines = proof.map((hash) => `${hash.toString('base64')}\n`).join('')
  return Buffer.from(`old ${old}\n${lines}\n${note ?? await noteOf(tree, size)}`)
}

/** A witness of the test's log with its memory in that folder. */
export async function witnessIn (
  folder: string, options: Partial<WitnessOptions> = {}
): Promise<Witness> {
  return createWitness({
    signer: witnessSigner,
    logs: givenLogs([formatVerifierKey(logSigner.key)]),
    state: await folderState(join(folder, 'logs')),
    now: () => 1_700_000_000_999,
    ...options
  })
}

export async function testWitness (t: Test): Promise<{ witness: Witness, folder: string }> {
  const folder = await testFolder(t)
  return { folder, witness: await witnessIn(folder) }
}
