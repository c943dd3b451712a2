import {
  copyFileSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { ANY } from '../../../../src/embedded/eventstore/wire/append.ts'
import { lastRevision } from '../../../../src/embedded/eventstore/storage/stream-index.ts'
import { checkDirectory } from '../../../../src/embedded/eventstore/storage/check.ts'
import { UnusableLogError } from '../../../../src/embedded/eventstore/storage/file-header.ts'
import { LOG_FILE, openLog } from '../../../../src/embedded/eventstore/storage/open.ts'
import { openEngine, proposed } from '../given-engine.ts'
import { holds } from '../holds.ts'

/** Streams with their last revision, as an opened directory has them. */
function contents (dir: string, lines: string[] = []): Record<string, number> {
  const { index } = openLog(dir, (line) => { lines.push(line) })
  return Object.fromEntries([...index.streams.values()]
    .map((entry) => [entry.name, lastRevision(entry)] as const).filter(([, last]) => last >= 0))
}

/** Ten calls of three events, one after the other: each is a frame that the next proves durable. */
async function fill (dir: string): Promise<number[]> {
  const { engine, close } = openEngine(dir)
  const ends: number[] = []
  for (let n = 0; n < 10; n++) {
    await engine.append(`s-${n % 2}`, ANY, [1, 2, 3].map((i) => proposed(`${n}.${i}`)))
    ends.push(engine.log.durableEnd)
  }
  await close()
  return ends
}

t.test('a log that was cut anywhere opens with the calls before the cut', async (t) => {
  const dir = t.testdir({ full: {} })
  const ends = await fill(join(dir, 'full'))
  const full = readFileSync(join(dir, 'full', LOG_FILE))
  holds(t, fc.property(fc.integer({ min: 64, max: full.length }), (size) => {
    const cut = join(dir, `cut-${size}`)
    mkdirSync(cut, { recursive: true })
    writeFileSync(join(cut, LOG_FILE), full.subarray(0, size))
    const whole = ends.filter((end) => end <= size).length
    const unfinished = size - (ends[whole - 1] ?? 64)
    const report = checkDirectory(cut)
    const lines: string[] = []
    const found = contents(cut, lines)
    const events = Object.values(found).reduce((sum, last) => sum + last + 1, 0)
    return events === whole * 3 && report.ok && report.unfinishedBytes === unfinished &&
      lines.length === (unfinished > 0 ? 1 : 0) && checkDirectory(cut).unfinishedBytes === 0
  }), { numRuns: 60 })
})

t.test('a bit that flipped anywhere is found by check and by start', async (t) => {
  const dir = t.testdir({ full: {} })
  const ends = await fill(join(dir, 'full'))
  const full = readFileSync(join(dir, 'full', LOG_FILE))
  const lastFrame = ends[8] ?? 0
  const bit = fc.tuple(fc.integer({ min: 64, max: full.length - 1 }), fc.nat(7))
  holds(t, fc.property(bit, ([offset, bit]) => {
    const bad = join(dir, `flip-${offset}-${bit}`)
    mkdirSync(bad, { recursive: true })
    const bytes = Buffer.from(full)
    bytes[offset] = (bytes[offset] ?? 0) ^ (1 << bit)
    writeFileSync(join(bad, LOG_FILE), bytes)
    const report = checkDirectory(bad)
    // Nothing after the last frame proves that it was durable: it looks like an unfinished write.
    if (offset >= lastFrame) return report.unfinishedBytes === full.length - lastFrame
    if (report.ok) return false
    try {
      openLog(bad, () => {})
      return false
    } catch (error) {
      return error instanceof UnusableLogError &&
        statSync(join(bad, LOG_FILE)).size === full.length
    }
  }), { numRuns: 150 })
})

t.test('writes that were never durable are cut off even if later ones arrived', async (t) => {
  const dir = t.testdir({ data: {} })
  const data = join(dir, 'data')
  const ends = await fill(data)
  const { engine, close } = openEngine(data)
  // Both are in one write: the disk may have taken the second and not the first.
  const both = [engine.append('x', ANY, [proposed('1')]), engine.append('y', ANY, [proposed('2')])]
  await Promise.all(both)
  await close()
  const bytes = readFileSync(join(data, LOG_FILE))
  const torn = (ends.at(-1) ?? 0) + 30
  bytes[torn] = (bytes[torn] ?? 0) ^ 1
  writeFileSync(join(data, LOG_FILE), bytes)
  const lines: string[] = []
  t.same(contents(data, lines), { 's-0': 14, 's-1': 14 })
  t.match(lines, [/cut \d+ bytes of an unfinished write/])
})

t.test('what is not an event log of this format is refused in a sentence', async (t) => {
  const dir = t.testdir({ text: { [LOG_FILE]: 'a'.repeat(200) }, newer: {}, short: {} })
  t.throws(() => openLog(join(dir, 'text'), () => {}), /is not an event log/)
  await fill(join(dir, 'newer'))
  const bytes = readFileSync(join(dir, 'newer', LOG_FILE))
  bytes.writeUInt32LE(2, 8)
  writeFileSync(join(dir, 'newer', LOG_FILE), bytes)
  t.throws(() => openLog(join(dir, 'newer'), () => {}), /format version 2; this program reads/)
  writeFileSync(join(dir, 'short', LOG_FILE), bytes.subarray(0, 63))
  t.same(contents(join(dir, 'short')), {}, 'a first start that crashed is a first start')
  t.throws(() => checkDirectory(join(dir, 'nothing')), /cannot be opened/)
})

t.test('the index is used only for the log that it was made of', async (t) => {
  const dir = t.testdir({ data: {}, older: {} })
  const data = join(dir, 'data')
  await fill(data)
  copyFileSync(join(data, LOG_FILE), join(dir, 'older', LOG_FILE))
  const { engine, close } = openEngine(data, { snapshotEveryBytes: 1000 })
  await engine.append('s-0', ANY, [proposed('more')])
  await engine.append('$$s-1', ANY, [proposed('meta', '{"$maxCount":2}')])
  await engine.tombstone('s-3', ANY)
  await close()
  t.equal(checkDirectory(data).index, 'good')

  const opened = openLog(data, t.fail)
  t.ok(opened.covered > 0)
  t.equal(opened.covered, opened.end)
  t.same(contents(data), { 's-0': 15, 's-1': 14, '$$s-1': 0 })
  t.equal(opened.index.get('s-1')?.settings?.maxCount, 2)
  t.ok((opened.index.get('s-3')?.tombstone ?? 0) > 0)

  const lines: string[] = []
  copyFileSync(join(dir, 'older', LOG_FILE), join(data, LOG_FILE))
  t.same(contents(data, lines), { 's-0': 14, 's-1': 14 }, 'a log that was restored is scanned')
  t.match(lines, [/not using the index of .*: it covers more than there is; scanning the log/])
  t.equal(checkDirectory(data).index, 'unusable')

  truncateSync(join(data, 'events.index'), 100)
  t.match(contents(data, []), { 's-0': 14 }, 'and so is one with a broken index')
})
