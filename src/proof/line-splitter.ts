const NEWLINE = 0x0a

/** Cuts chunks of bytes into lines, holding no more than one line. */
export class LineSplitter {
  readonly #bytesMax: number
  #rest: Buffer = Buffer.alloc(0)

  constructor (bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** What stands behind the last newline so far. */
  get rest (): Buffer {
    return this.#rest
  }

  /** Whether the rest is longer than any line may be. */
  get overflow (): boolean {
    return this.#rest.length > this.#bytesMax
  }

  /** The lines that this chunk ends, with their newlines. */
  push (chunk: Uint8Array): Buffer[] {
    const bytes = Buffer.concat([this.#rest, chunk])
    const lines: Buffer[] = []
    let start = 0
    for (let end; (end = bytes.indexOf(NEWLINE, start) + 1) > 0; start = end) {
      lines.push(bytes.subarray(start, end))
    }
    this.#rest = bytes.subarray(start)
    return lines
  }
}
