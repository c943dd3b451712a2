/** Writes the index snapshot while the node runs: when the log has grown enough, and at the end. */
import { closeSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import type { StreamIndex } from './stream-index.ts'
import type { Log } from './log.ts'
import { fingerprint, type OpenedLog } from './open.ts'
import { encodeSnapshot, writeSnapshot } from './snapshot.ts'

/** A start scans at most about this much log, or an eighth of a larger one. */
export const SNAPSHOT_EVERY_BYTES = 128 * 1024 * 1024

export interface Snapshotter {
  /** Writes a last one if it is worth it; settles when none is being written. */
  close (): Promise<void>
}

export interface SnapshotterOptions {
  readonly everyBytes?: number
  readonly report: (message: string) => void
}

/** Begins to keep the snapshot of an open log. A snapshot that cannot be written is reported. */
export function keepSnapshots (
  opened: OpenedLog, log: Log, options: SnapshotterOptions
): Snapshotter {
  const { report, everyBytes = SNAPSHOT_EVERY_BYTES } = options
  let covered = opened.covered
  let writing: Promise<void> | undefined

  function due (share: number): boolean {
    const distance = Math.max(everyBytes, log.durableEnd / 8)
    return log.durableEnd - covered >= distance * share
  }

  function start (): Promise<void> {
    writing ??= save(opened, opened.index, log)
      .then((end) => { covered = end })
      .catch((error: unknown) => {
        covered = log.durableEnd
        report(`cannot write the index: ${String(error)}`)
      })
      .finally(() => { writing = undefined })
    return writing
  }

  const stopListening = log.onDurable(() => { if (due(1)) start() })
  return {
    async close () {
      stopListening()
      await writing
      if (due(0.25)) await start()
    }
  }
}

async function save (opened: OpenedLog, index: StreamIndex, log: Log): Promise<number> {
  const covered = log.durableEnd
  const fd = openSync(opened.path, 'r')
  let print: number
  try {
    print = fingerprint(fd, covered)
  } finally {
    closeSync(fd)
  }
  const parts = await encodeSnapshot(index, { logId: opened.logId, covered, fingerprint: print })
  // Metadata that was appended meanwhile is in the snapshot too, so it must be durable first.
  await log.flushed()
  await writeSnapshot(dirname(opened.path), parts)
  return covered
}
