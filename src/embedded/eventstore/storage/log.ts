/**
 * The append-only file. Appends that arrive together are written and made durable together; a
 * promise of {@link Log.append} settles only after fdatasync. Any error of the file is final: the
 * log takes nothing more and acknowledges nothing more.
 */
import { closeSync, fdatasync, openSync, read, readSync, writevSync } from 'node:fs'
import { promisify } from 'node:util'
import { createTailCache, type TailCache } from './tail-cache.ts'

/** What the log asks of the operating system; tests put faults here. */
export interface LogFile {
  write (buffers: readonly Buffer[], offset: number): void
  sync (): Promise<void>
  read (into: Buffer, offset: number): Promise<number>
  readSync (into: Buffer, offset: number): number
  close (): void
}

/** The file on disk, opened for reading and writing. */
export function openLogFile (path: string): LogFile {
  const fd = openSync(path, 'r+')
  const syncData = promisify(fdatasync)
  const readAt = promisify(read)
  return {
    write (buffers, offset) {
      const wanted = buffers.reduce((sum, buffer) => sum + buffer.length, 0)
      const written = writevSync(fd, [...buffers], offset)
      if (written !== wanted) {
        throw new Error(`only ${written} of ${wanted} bytes were written at offset ${offset}`)
      }
    },
    sync: () => syncData(fd),
    read: async (into, offset) => (await readAt(fd, into, 0, into.length, offset)).bytesRead,
    readSync: (into, offset) => readSync(fd, into, 0, into.length, offset),
    close: () => { closeSync(fd) }
  }
}

export interface LogOptions {
  readonly file: LogFile
  /** The offset at which the next frame goes; everything before it is durable. */
  readonly end: number
  readonly tailCacheBytes?: number
  /** Told once, when the file fails; the owner must stop the node. */
  readonly onFailure: (error: Error) => void
}

const TAIL_CACHE_BYTES = 32 * 1024 * 1024

/** The log of one data directory. Owns the file. */
export class Log {
  /** Up to here everything is on disk, and may be shown. */
  durableEnd: number
  /** Where the next frame goes. */
  writeEnd: number
  readonly #options: LogOptions
  readonly #cache: TailCache
  readonly #listeners = new Set<() => void>()
  #pending: Buffer[] = []
  #group = createGroup()
  #flushing: Promise<void> | undefined
  #failure: Error | undefined

  constructor (options: LogOptions) {
    this.#options = options
    this.#cache = createTailCache(options.tailCacheBytes ?? TAIL_CACHE_BYTES)
    this.durableEnd = options.end
    this.writeEnd = options.end
  }

  /** Takes a frame that was built for `writeEnd`. Settles when it is durable, or never will be. */
  append (frame: Buffer): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    this.#cache.add(this.writeEnd, frame)
    this.writeEnd += frame.length
    this.#pending.push(frame)
    this.#flushing ??= this.#flush()
    return this.#group.promise
  }

  /** Settles when everything that was appended so far is durable. */
  flushed (): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    if (this.#pending.length > 0) return this.#group.promise
    return this.#flushing ?? Promise.resolve()
  }

  /** Calls the listener after each group that became durable. Returns the way to stop that. */
  onDurable (listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  /** Durable bytes from `offset` to the end of a frame, if they are still in memory. */
  cached (offset: number): Buffer | undefined {
    return offset < this.durableEnd ? this.#cache.find(offset) : undefined
  }

  /** Durable bytes from `offset` on, from the file: `size` of them, or what there is. */
  async read (offset: number, size: number): Promise<Buffer> {
    const into = Buffer.allocUnsafeSlow(Math.max(0, Math.min(size, this.durableEnd - offset)))
    return into.subarray(0, await this.#options.file.read(into, offset))
  }

  /** Bytes at `offset`, durable or not and at once: for append rules and single events. */
  peek (offset: number, size: number): Buffer {
    const cached = this.#cache.find(offset)
    if (cached !== undefined) return cached
    const into = Buffer.allocUnsafe(Math.min(size, this.durableEnd - offset))
    return into.subarray(0, this.#options.file.readSync(into, offset))
  }

  /** Stops the log for good, as an error of the file does. */
  fail (error: Error): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#group.reject(error)
    this.#options.onFailure(error)
  }

  /** Waits for what is under way and closes the file. */
  async close (): Promise<void> {
    await this.flushed().catch(() => {})
    this.#failure ??= new Error('the log is closed')
    this.#options.file.close()
  }

  async #flush (): Promise<void> {
    // What arrives in the same turn of the event loop becomes one group.
    await new Promise((resolve) => { setImmediate(resolve) })
    while (this.#pending.length > 0 && this.#failure === undefined) {
      const frames = this.#pending
      const group = this.#group
      const end = this.writeEnd
      this.#pending = []
      this.#group = createGroup()
      try {
        this.#options.file.write(frames, this.durableEnd)
        await this.#options.file.sync()
      } catch (err) {
        const error = new Error('the log cannot be written', { cause: err })
        group.reject(error)
        this.fail(error)
        break
      }
      this.durableEnd = end
      this.#cache.trim(end)
      group.resolve()
      for (const listener of this.#listeners) listener()
    }
    this.#flushing = undefined
  }
}

interface Group {
  readonly promise: Promise<void>
  resolve (): void
  reject (error: Error): void
}

/** One promise for all the appends that become durable together. */
function createGroup (): Group {
  let settle: Omit<Group, 'promise'> = { resolve: () => {}, reject: () => {} }
  const promise = new Promise<void>((resolve, reject) => { settle = { resolve, reject } })
  promise.catch(() => {})
  return { promise, ...settle }
}
