import { setTimeout as sleep } from 'node:timers/promises'
import type { ExportView } from '../../../schemas/http/exports.ts'
import { isLedgerError, LedgerError } from '../../errors.ts'
import { progressBar } from '../progress.ts'
import type { Origin, PartFile } from './part.ts'
import { isLater, type RemoteExports } from './remote.ts'

const POLL_MS = 500
/** Times in a row that it is said to have failed, after which that is believed. */
const FAILED_MAX = 60
/** A connection on which nothing comes for so long is taken for dead. */
const SILENCE_MS = 120_000
/** Breaks in a row, without a byte in between, after which it is left to another run. */
const BREAKS_MAX = 8
const PAUSE_MS = 1_000

/** Waits until an export can be downloaded, and shows how far it is. */
export async function whenReady (remote: RemoteExports, id: string): Promise<ExportView> {
  const bar = progressBar('Preparing', 100)
  let shown = 0
  let failed = 0
  try {
    for (;;) {
      const view = await remote.read(id)
      failed = view.state === 'failed' ? failed + 1 : 0
      if (failed === FAILED_MAX) {
        throw new LedgerError('INTERNAL', `the ledger cannot prepare the export ${id}: see its log`)
      }
      if (view.state === 'expired' || view.state === 'deleted') {
        throw new LedgerError('EXPORT_GONE', `the export ${id} is ${view.state}`)
      }
      const percent = Math.floor(view.progress * 100)
      if (percent > shown) bar.add(percent - shown)
      shown = Math.max(shown, percent)
      if (view.state === 'ready') return view
      await sleep(POLL_MS)
    }
  } finally {
    bar.end()
  }
}

/**
 * Downloads an export into a part file, on from where it ended, and makes it the file. Breaks are
 * mended by going on; what an erasure changed meanwhile is taken from the start.
 */
export async function transfer (
  remote: RemoteExports, part: PartFile, origin: Origin
): Promise<ExportView> {
  for (let breaks = 0; ;) {
    const view = await whenReady(remote, origin.id).catch(async (err: unknown) => {
      if (isLedgerError(err, 'EXPORT_GONE')) await part.discard()
      throw err
    })
    const before = await part.size()
    try {
      if (await fetchRest(remote, part, { origin, view })) {
        await part.finish(view.sha256 ?? '')
        return view
      }
    } catch (err) {
      if (isLedgerError(err)) throw err
      process.stderr.write(`The connection broke: ${err instanceof Error ? err.message : err}\n`)
    }
    breaks = await part.size() > before ? 0 : breaks + 1
    if (breaks === BREAKS_MAX) {
      throw new LedgerError('INTERNAL', 'nothing comes any more; run it again to go on')
    }
    await sleep(PAUSE_MS)
  }
}

/** Whether everything of what the view shows is there now. */
async function fetchRest (
  remote: RemoteExports, part: PartFile, { origin, view }: { origin: Origin, view: ExportView }
): Promise<boolean> {
  const etag = `"${view.sha256}"`
  const bytes = view.bytes ?? 0
  const has = origin.etag === etag ? await part.size() : 0
  if (has === bytes && origin.etag === etag) return true
  const silence = new AbortController()
  const timer = setTimeout(() => { silence.abort(new Error('nothing came')) }, SILENCE_MS)
  try {
    const answer = await remote.download(origin.id, {
      'if-match': etag, ...has > 0 ? { range: `bytes=${has}-` } : {}
    }, silence.signal)
    if (isLater(answer)) return false
    origin.etag = etag
    await part.setOrigin(origin)
    await append(part, answer, { has, bytes, onBytes: () => { timer.refresh() } })
  } finally {
    clearTimeout(timer)
  }
  return await part.size() === bytes
}

async function append (
  part: PartFile, answer: Response,
  { has, bytes, onBytes }: { has: number, bytes: number, onBytes: () => void }
): Promise<void> {
  const isRest = answer.status === 206
  const bar = progressBar('Downloading', bytes)
  const file = await part.open(isRest ? 'on' : 'anew')
  try {
    if (isRest) bar.add(has)
    for await (const chunk of answer.body ?? []) {
      onBytes()
      await file.write(chunk)
      bar.add(chunk.length)
    }
    await file.sync()
  } finally {
    bar.end()
    await file.close()
  }
}
