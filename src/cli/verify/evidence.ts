import { hash } from 'node:crypto'
import { SHOWN } from '../../../projections/entries/view.ts'
import { removedBy } from '../../../projections/retention/removed.ts'
import { parsePointer } from '../../../schemas/pointer.ts'
import { RESERVED_ACTION_PREFIX } from '../../../schemas/primitives.ts'
import type { DecodedEvent } from '../../../schemas/recorded.ts'
import { HASH_BYTES } from '../../proof/format.ts'
import { canonicalJson } from '../../proof/leaf.ts'

/** What is kept of a leaf: little enough for millions of them. */
export interface SeenLeaf {
  index: number
  position: bigint
  hash: Buffer
  /** Of what a list shows of it, without what was sealed. */
  digest: Buffer
  /** Members with something sealed inside, as bits: their shown form is not known here. */
  sealed: number
}

const START_LEAVES = 4_096
const [REMOVABLE, REMOVED] = [1, 2]

/** The leaves that the log has, in order, in a few flat arrays. */
export class Evidence {
  #hashes = Buffer.alloc(START_LEAVES * HASH_BYTES)
  #digests = Buffer.alloc(START_LEAVES * HASH_BYTES)
  #positions = new BigInt64Array(START_LEAVES)
  #sealed = new Uint16Array(START_LEAVES)
  #ids = new BigInt64Array(START_LEAVES)
  /** Whether rows of a leaf may be removed, and whether they were: 1 and 2. */
  #removal = new Uint8Array(START_LEAVES)
  #size = 0

  get size (): number {
    return this.#size
  }

  add (event: DecodedEvent): void {
    if (this.#size === this.#positions.length) this.#grow()
    const at = this.#size++
    const sealed = sealedMembers(event)
    event.leafHash.copy(this.#hashes, at * HASH_BYTES)
    shownDigest(viewOf(event), sealed).copy(this.#digests, at * HASH_BYTES)
    this.#positions[at] = event.position
    this.#sealed[at] = sealed
    this.#ids[at] = idKey(event.id)
    this.#removal[at] = event.action.startsWith(RESERVED_ACTION_PREFIX) ? 0 : REMOVABLE
    this.noteRun(event)
  }

  /** Takes note of the leaves whose rows the event removed, if it is a retention run. */
  noteRun (event: DecodedEvent): void {
    for (const position of removedBy(event)?.positions ?? []) {
      const at = this.#indexAt(position)
      if (this.#removal[at] === REMOVABLE) this.#removal[at] = REMOVED
    }
  }

  /** Whether the log says that the rows of a leaf were removed. */
  isRemoved (index: number): boolean {
    return this.#removal[index] === REMOVED
  }

  at (index: number): SeenLeaf | undefined {
    if (index < 0 || index >= this.#size) return undefined
    return {
      index,
      position: this.#positions[index] ?? 0n,
      hash: this.hash(index),
      digest: part(this.#digests, index),
      sealed: this.#sealed[index] ?? 0
    }
  }

  hash (index: number): Buffer {
    return part(this.#hashes, index)
  }

  /** Whether an earlier leaf has the same id; read through, for it is rarely asked. */
  repeatsId (index: number): boolean {
    const first = this.#ids.indexOf(this.#ids[index] ?? 0n)
    return first >= 0 && first < index
  }

  /** The leaf at a position, or one past the last. */
  #indexAt (position: bigint): number {
    let [low, high] = [0, this.#size]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#positions[middle] ?? 0n) < position) low = middle + 1
      else high = middle
    }
    return this.#positions[low] === position ? low : this.#size
  }

  #grow (): void {
    this.#hashes = Buffer.concat([this.#hashes, Buffer.alloc(this.#hashes.length)])
    this.#digests = Buffer.concat([this.#digests, Buffer.alloc(this.#digests.length)])
    this.#positions = doubled(this.#positions)
    this.#ids = doubled(this.#ids)
    const sealed = new Uint16Array(this.#sealed.length * 2)
    sealed.set(this.#sealed)
    this.#sealed = sealed
    const removal = new Uint8Array(this.#removal.length * 2)
    removal.set(this.#removal)
    this.#removal = removal
  }
}

/** A row of a list, by its members. */
export type ShownEvent = Readonly<Record<string, unknown>>

const COLUMNS = [
  'id', 'stream', 'revision', 'position', 'action', 'category', 'outcome', 'leafHash',
  'correlationId', 'causationId'
]

/** The digest of what a list shows of an event, without the members that have sealed parts. */
export function shownDigest (view: ShownEvent, sealed: number): Buffer {
  const members = [...COLUMNS, ...SHOWN.filter((_name, bit) => (sealed & (1 << bit)) === 0)]
  const shown = members.filter((name) => view[name] !== undefined)
  return hash('sha256', canonicalJson(Object.fromEntries(shown.map((name) => [name, view[name]]))),
    'buffer')
}

/** An event as a list has to show it. */
function viewOf (event: DecodedEvent): ShownEvent {
  const { id, stream, revision, position, action, data, leafHash } = event
  const { correlationId, causationId } = event
  return {
    ...data,
    id,
    stream,
    action,
    correlationId,
    causationId,
    revision: String(revision),
    position: String(position),
    leafHash: leafHash.toString('hex')
  }
}

function sealedMembers ({ data: { sealed = [] } }: DecodedEvent): number {
  const touched = new Set(sealed.flatMap(({ paths }) => paths.map((path) => parsePointer(path)[0])))
  return SHOWN.reduce((bits, name, bit) => touched.has(name) ? bits | (1 << bit) : bits, 0)
}

/** Half of a UUID is enough to tell millions of them apart. */
function idKey (id: string): bigint {
  return Buffer.from(id.replaceAll('-', ''), 'hex').readBigInt64BE(8)
}

function doubled (numbers: BigInt64Array): BigInt64Array<ArrayBuffer> {
  const larger = new BigInt64Array(numbers.length * 2)
  larger.set(numbers)
  return larger
}

function part (bytes: Buffer, index: number): Buffer {
  return bytes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES)
}
