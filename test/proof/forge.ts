import { createHash } from 'node:crypto'
import { formatLine, parseLine, type BundleLine, type Scope } from '../../src/proof/bundle.ts'
import type { Fault } from '../../src/proof/finding.ts'
import { signerFrom } from '../../src/proof/keys.ts'
import { leafHash } from '../../src/proof/leaf.ts'
import { parseNote, signNote, type NoteSignature } from '../../src/proof/note.ts'
import type { VerifyBundleOptions } from '../../src/proof/verify.ts'
import { ledgerOf, seedOf, type TestLedger } from './ledger.ts'
import { treeOf } from './tree.ts'

/** What the verifier is given: an altered bundle, and what it knows from elsewhere. */
export interface Forgery {
  text: string
  options?: Partial<VerifyBundleOptions>
}

export interface Tampering {
  name: string
  /** Any of these says what was done. */
  faults: readonly Fault[]
  forge: (scene: Scene) => Forgery | Promise<Forgery>
}

/** A ledger, its bundle of everything, and a source of choices. */
export interface Scene {
  ledger: TestLedger
  text: string
  random: (below: number) => number
  seed: number
}

type LeafLine = Extract<BundleLine, { kind: 'leaf' }>
type RunLine = Extract<BundleLine, { kind: 'run' }>

/** The scene for a seed: ledgers of different sizes, below, at and above a tile. */
export async function sceneOf (seed: number): Promise<Scene> {
  const random = (below: number) => seedOf('scene', seed).readUInt32BE() % below
  const ledger = ledgerOf(random(4) === 0 ? 256 + random(3) * 256 : 12 + random(500), seed)
  let draws = 0
  const choose = (below: number) => seedOf(`choice ${draws++}`, seed).readUInt32BE() % below
  return { ledger, text: await ledger.bundle(), random: choose, seed }
}

/** The scope of the first stream, all of it. */
export function streamScope ({ leaves }: TestLedger): Scope {
  const revisions = leaves.filter((leaf) => leaf.includes('"stream":"acme.order-0"')).length
  return { type: 'stream', stream: 'acme.order-0', revisions: BigInt(revisions) }
}

interface Target {
  lines: BundleLine[]
  /** A leaf, and another one of the same run. */
  leaf: LeafLine
  other: LeafLine
}

export function tampering (
  name: string, faults: readonly Fault[], change: (target: Target) => BundleLine[], told = false
): Tampering {
  return {
    name,
    faults,
    forge: ({ text, random }) => {
      const lines = linesOf(text)
      const leaves = lines.filter(isLeaf)
      const leaf = pick(leaves, random)
      const near = leaves.filter(({ index }) =>
        index !== leaf.index && tile(index) === tile(leaf.index))
      const other = pick(near.length === 0 ? leaves : near, random)
      const options = { sha256: createHash('sha256').update(text).digest('hex') }
      return { text: seal(change({ lines, leaf, other })), ...(told && { options }) }
    }
  }
}

export function note (
  name: string, faults: readonly Fault[],
  change: (text: string, scene: Scene) => string | Promise<string>
): Tampering {
  return {
    name,
    faults,
    forge: async (scene) => {
      const lines: BundleLine[] = []
      for (const line of linesOf(scene.text)) {
        lines.push(line.kind === 'checkpoint'
          ? { ...line, checkpoint: await change(line.checkpoint, scene) }
          : line)
      }
      return { text: seal(lines) }
    }
  }
}

export function run (
  name: string, faults: readonly Fault[],
  change: (run: RunLine, runs: RunLine[], random: Scene['random']) => RunLine
): Tampering {
  return {
    name,
    faults,
    forge: async ({ ledger, random }) => {
      // A part of the tree, so that no proof is empty.
      const scope: Scope = { type: 'range', from: 1n, to: BigInt(ledger.leaves.length) }
      const lines = linesOf(await ledger.bundle({ scope }))
      const runs = lines.filter((line) => line.kind === 'run')
      const victim = pick(runs, random)
      const changed = change(victim, runs, random)
      return { text: seal(lines.map((line) => line === victim ? changed : line)) }
    }
  }
}

/** Lines that change their places, in a bundle that has an earlier checkpoint and many runs. */
export function order (
  name: string, faults: readonly Fault[],
  change: (lines: BundleLine[], random: Scene['random']) => BundleLine[]
): Tampering {
  return {
    name,
    faults,
    forge: async ({ ledger, random }) => {
      const scope: Scope = { type: 'filter', filter: {} }
      const older = [1 + random(ledger.leaves.length)]
      return { text: seal(change(linesOf(await ledger.bundle({ scope, older })), random)) }
    }
  }
}

/** Moves the first line of a kind to another place, by its index among the lines. */
export function move (
  lines: readonly BundleLine[], kind: BundleLine['kind'], to: number
): BundleLine[] {
  const at = lines.findIndex((line) => line.kind === kind)
  return lines.toSpliced(at, 1).toSpliced(to, 0, ...lines.slice(at, at + 1))
}

export async function rewritten ({ ledger, seed }: Scene): Promise<string> {
  const other = ledgerOf(ledger.leaves.length, seed)
  const [first = '', ...rest] = other.leaves
  const leaves = [first.replace('"paid"', '"owed"'), ...rest]
  other.leaves.splice(0, leaves.length, ...leaves)
  Object.assign(other.tree, treeOf(leaves.map(leafHash)))
  return other.bundle()
}

export async function foreignSignature (
  text: string, { ledger, seed }: Scene
): Promise<NoteSignature> {
  const { name, type } = ledger.log.key
  const foreign = signerFrom(name, type, seedOf('foreign', seed))
  const [signature] = parseNote(await signNote(text, [foreign])).signatures
  if (signature === undefined) throw new Error('no signature')
  return signature
}

export async function streamLines (ledger: TestLedger): Promise<BundleLine[]> {
  return linesOf(await ledger.bundle({ scope: streamScope(ledger) }))
}

export function withoutWitness (text: string): string {
  const cut = (note: string) => note.replace(/\u2014 witness[^\n]*\n/, '')
  if (!text.startsWith('{')) return cut(text)
  return seal(linesOf(text).map((line) => line.kind === 'checkpoint'
    ? { ...line, checkpoint: cut(line.checkpoint) }
    : line))
}

function linesOf (text: string): BundleLine[] {
  return text.trimEnd().split('\n').map(parseLine)
}

/** Makes the last line fit. */
export function seal (lines: readonly BundleLine[]): string {
  const above = lines.filter(({ kind }) => kind !== 'end')
  const text = above.map(formatLine).join('')
  const sha256 = createHash('sha256').update(text).digest('hex')
  const leaves = BigInt(above.filter(isLeaf).length)
  return text + formatLine({ kind: 'end', leaves, sha256 })
}

export function edit (
  lines: BundleLine[], leaf: LeafLine, change: (text: string) => string, rehash = true
): BundleLine[] {
  const text = change(leaf.leaf)
  if (text === leaf.leaf) throw new Error('nothing was changed')
  const changed = { ...leaf, leaf: text, hash: rehash ? leafHash(text) : leaf.hash }
  return lines.map((line) => line === leaf ? changed : line)
}

export function remove (lines: BundleLine[], leaf: LeafLine): BundleLine[] {
  return lines.filter((line) => line !== leaf && !('index' in line && line.index === leaf.index))
}

export function swap (lines: BundleLine[], one: LeafLine, two: LeafLine): BundleLine[] {
  return lines.map((line) => line === one ? two : line === two ? one : line)
}

/** Counts leaves and runs anew from the first, as if nothing was ever different. */
export function renumber (lines: BundleLine[]): BundleLine[] {
  const first = lines.find(isLeaf)?.index ?? 0n
  let next = first < 1n ? 0n : first
  const numbered = lines.map((line) => isLeaf(line) ? { ...line, index: next++ } : line)
  return numbered.map((line, at) => {
    if (line.kind !== 'run') return line
    const end = numbered.findIndex(({ kind }, other) => other > at && kind === 'run')
    const leaves = numbered.slice(at, end < 0 ? undefined : end).filter(isLeaf)
    const [head] = leaves
    const from = head?.index ?? line.from
    const room = leaves.length > 256 ? 256 : leaves.length
    return { ...line, from, to: from + BigInt(Math.max(room, 1)) }
  })
}

export function invented (leaf: LeafLine): LeafLine {
  const text = leaf.leaf.replace('"paid"', '"refunded"')
  return { ...leaf, leaf: text, hash: leafHash(text) }
}

export function isLeaf (line: BundleLine): line is LeafLine {
  return line.kind === 'leaf'
}

function tile (index: bigint): bigint {
  return index / 256n
}

export function pick<Item> (items: readonly Item[], random: Scene['random']): Item {
  const item = items[random(items.length)]
  if (item === undefined) throw new Error('nothing to choose from')
  return item
}

export function flip (bytes: Buffer, random: Scene['random']): Buffer {
  const copy = Buffer.from(bytes)
  const at = random(copy.length)
  copy[at] = (copy[at] ?? 0) ^ (1 << random(8))
  return copy
}
