import { hash } from 'node:crypto'
import { removedBy } from '../../../projections/retention/removed.ts'
import { RESERVED_ACTION_PREFIX } from '../../../schemas/primitives.ts'
import type { DecodedEvent } from '../../../schemas/recorded.ts'
import { orderOf } from '../../ledger/fence.ts'
import { HASH_BYTES } from '../../proof/format.ts'
import { canonicalJson } from '../../proof/leaf.ts'
import { clearOf, shapeOf, viewOf, type Shape, type ShownEvent } from './clear.ts'

/** What is kept of a leaf: little enough for millions of them. */
export interface SeenLeaf {
  index: number
  position: bigint
  hash: Buffer
}

const START_LEAVES = 4_096
const ID_BYTES = 16
const [REMOVABLE, REMOVED, MISSING] = [1, 2, 3]

/** The leaves that the log has, in order, in a few flat arrays. */
export class Evidence {
  #hashes = Buffer.alloc(START_LEAVES * HASH_BYTES)
  #digests = Buffer.alloc(START_LEAVES * HASH_BYTES)
  #positions = new BigInt64Array(START_LEAVES)
  #ids = Buffer.alloc(START_LEAVES * ID_BYTES)
  /** Number of the leaf's shape: most events are sealed in one of a few. */
  #shaped = new Uint32Array(START_LEAVES)
  readonly #shapes: Shape[] = []
  readonly #shapeNumbers = new Map<string, number>()
  readonly #ordered = new Set<string>()
  /** Whether rows of a leaf may be removed, were, or are not there: 1, 2 and 3. */
  #removal = new Uint8Array(START_LEAVES)
  #size = 0

  get size (): number {
    return this.#size
  }

  add (event: DecodedEvent): void {
    if (this.#size === this.#positions.length) this.#grow()
    const at = this.#size++
    const shape = this.#numberOf(shapeOf(event))
    const { rest } = clearOf(viewOf(event), this.#shapeOf(shape))
    event.leafHash.copy(this.#hashes, at * HASH_BYTES)
    digestOf(rest).copy(this.#digests, at * HASH_BYTES)
    this.#positions[at] = event.position
    this.#shaped[at] = shape
    idBytes(event.id).copy(this.#ids, at * ID_BYTES)
    this.#removal[at] = event.action.startsWith(RESERVED_ACTION_PREFIX) ? 0 : REMOVABLE
    this.noteChange(event)
  }

  /** Whether the log has the order of an erasure. */
  isOrdered (erasure: string): boolean {
    return this.#ordered.has(erasure)
  }

  /** Takes note of what explains rows: leaves that a retention run removed, and erasures. */
  noteChange (event: DecodedEvent): void {
    const order = orderOf(event)
    if (order !== undefined) this.#ordered.add(order.erasure)
    for (const position of removedBy(event)?.positions ?? []) {
      const at = this.#indexAt(position)
      if (this.#removal[at] === REMOVABLE) this.#removal[at] = REMOVED
    }
  }

  /** Whether the log says that the rows of a leaf were removed. */
  isRemoved (index: number): boolean {
    return this.#removal[index] === REMOVED
  }

  /** Takes note that a leaf has no row, which was said. */
  noteMissing (index: number): void {
    this.#removal[index] = MISSING
  }

  /** Whether lists show a leaf, as far as is known. */
  isShown (index: number): boolean {
    return this.#removal[index] !== REMOVED && this.#removal[index] !== MISSING
  }

  at (index: number): SeenLeaf | undefined {
    if (index < 0 || index >= this.#size) return undefined
    return {
      index,
      position: this.#positions[index] ?? 0n,
      hash: this.hash(index)
    }
  }

  /** What is wrong with a row that shows the leaf, if anything, and which erasures it names. */
  judge (index: number, row: ShownEvent): { wrong?: string, erasures: ReadonlySet<string> } {
    const shape = this.#shapeOf(this.#shaped[index] ?? 0)
    const { rest, isNamed, isTampered, erasures } = clearOf(row, shape)
    if (isTampered) return { wrong: 'holds sealed data that are not what was sealed', erasures }
    if (isNamed) return { wrong: 'names who is sealed in the log', erasures }
    return digestOf(rest).equals(part(this.#digests, index))
      ? { erasures }
      : { wrong: 'is not what the log has', erasures }
  }

  hash (index: number): Buffer {
    return part(this.#hashes, index)
  }

  /** Whether an earlier leaf has the same id; read through, for it is rarely asked. */
  repeatsId (index: number): boolean {
    const id = this.#ids.subarray(index * ID_BYTES, (index + 1) * ID_BYTES)
    for (let at = this.#ids.indexOf(id); at >= 0 && at < index * ID_BYTES;) {
      if (at % ID_BYTES === 0) return true
      at = this.#ids.indexOf(id, at + 1)
    }
    return false
  }

  #numberOf (shape: Shape): number {
    const key = JSON.stringify(shape)
    const known = this.#shapeNumbers.get(key)
    if (known !== undefined) return known
    this.#shapeNumbers.set(key, this.#shapes.length)
    return this.#shapes.push(shape) - 1
  }

  #shapeOf (number: number): Shape {
    return this.#shapes[number] ?? { paths: [], parties: [] }
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
    this.#ids = Buffer.concat([this.#ids, Buffer.alloc(this.#ids.length)])
    const positions = new BigInt64Array(this.#positions.length * 2)
    positions.set(this.#positions)
    this.#positions = positions
    const shaped = new Uint32Array(this.#shaped.length * 2)
    shaped.set(this.#shaped)
    this.#shaped = shaped
    const removal = new Uint8Array(this.#removal.length * 2)
    removal.set(this.#removal)
    this.#removal = removal
  }
}

function digestOf (value: unknown): Buffer {
  return hash('sha256', canonicalJson(value), 'buffer')
}

/** All of a UUID: producers choose it, and half of one could be made to repeat another's. */
function idBytes (id: string): Buffer {
  return Buffer.from(id.replaceAll('-', ''), 'hex')
}

function part (bytes: Buffer, index: number): Buffer {
  return bytes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES)
}
