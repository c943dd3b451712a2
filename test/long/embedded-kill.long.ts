import t from 'tap'
import { checkDirectory } from '../../src/embedded/eventstore/storage/check.ts'
import { killUnderWriters } from '../embedded/eventstore/given-writers.ts'

const KILLS = Number(process.env['KILLS'] ?? 200)

t.test(`${KILLS} times kill -9 under 16 writers`, { timeout: 1_700_000 }, async (t) => {
  const report = await killUnderWriters(t.testdir(), { kills: KILLS, writers: 16 })
  t.comment(JSON.stringify({ ...report, lost: report.lost.length, partial: report.partial.length }))
  t.ok(report.acknowledged > KILLS * 10)
  t.same([report.lost, report.partial], [[], []])
  t.match(checkDirectory(t.testdirName), { ok: true, unfinishedBytes: 0 })
})
