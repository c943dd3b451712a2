import { randomUUID } from 'node:crypto'
import { createEngine, type Engine } from '../../../src/embedded/eventstore/engine/engine.ts'
import { Log, openLogFile } from '../../../src/embedded/eventstore/storage/log.ts'
import { openLog } from '../../../src/embedded/eventstore/storage/open.ts'
import { keepSnapshots } from '../../../src/embedded/eventstore/storage/snapshotter.ts'
import type { ProposedEvent } from '../../../src/embedded/eventstore/wire/recorded.ts'

/** An engine on a directory, without a server before it. */
export function openEngine (
  dir: string, options: { snapshotEveryBytes?: number, now?: () => number } = {}
): { engine: Engine, close: () => Promise<void> } {
  const opened = openLog(dir, () => {})
  const onFailure = (error: Error) => { throw error }
  const log = new Log({ file: openLogFile(opened.path), end: opened.end, onFailure })
  const { snapshotEveryBytes: everyBytes, now = Date.now } = options
  const snapshots = keepSnapshots(opened, log, {
    report: (message) => { throw new Error(message) },
    ...(everyBytes === undefined ? {} : { everyBytes })
  })
  const engine = createEngine({ log, index: opened.index, now })
  return {
    engine,
    async close () {
      await snapshots.close()
      await log.close()
    }
  }
}

/** An event as a client would propose it. */
export function proposed (id: string, data = '{}'): ProposedEvent {
  const isUuid = /^[0-9a-f-]{36}$/.test(id)
  return {
    id: isUuid ? id : randomUUID(),
    type: 'test.happened',
    contentType: 'application/json',
    metadata: Buffer.alloc(0),
    data: Buffer.from(data)
  }
}
