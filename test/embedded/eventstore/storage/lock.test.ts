import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lockDirectory } from '../../../../src/embedded/eventstore/storage/lock.ts'

const lockOf = (dir: string) => join(dir, 'node.lock')

t.test('a directory has one owner at a time', async (t) => {
  const dir = t.testdir()
  const unlock = await lockDirectory(dir, 0)
  await t.rejects(lockDirectory(dir, 120),
    { name: 'DirectoryLockedError', message: new RegExp(`belongs to process ${process.pid}`) })
  const waiting = lockDirectory(dir, 5_000)
  unlock()
  const unlockSecond = await waiting
  unlock()
  t.same(readdirSync(dir), ['node.lock'], 'an owner that has let go does not release the next one')
  unlockSecond()
  t.same(readdirSync(dir), [])
})

t.test('of many that want it at once one gets it', async (t) => {
  const dir = t.testdir({ 'node.lock': '999999999 1' })
  const results = await Promise.allSettled(Array.from({ length: 20 }, () => lockDirectory(dir, 0)))
  t.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
  t.same(readdirSync(dir), ['node.lock'], 'and nothing else is left behind')
})

t.test('a lock is stale when its process is gone, is a zombie or has another\'s id', async (t) => {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  const stale = {
    'a process that is gone': `${child.pid} 1`,
    'an id that another process has now': `${process.pid} 12345`,
    'no process id': 'nonsense',
    nothing: ''
  }
  for (const [name, owner] of Object.entries(stale)) {
    const dir = t.testdir({ 'node.lock': owner })
    const unlock = await lockDirectory(dir, 0)
    t.match(readFileSync(lockOf(dir), 'utf8'), `${process.pid} `, name)
    unlock()
  }
  // It ends only after its parent has become something that never asks how its children ended.
  const parent = spawn('sh', ['-c', 'sleep 1 & echo $!; exec sleep 30'])
  const zombie = Number(await once(parent.stdout, 'data'))
  const dir = t.testdir()
  const [, start = ''] = /\) \S(?: \S+){18} (\d+)/.exec(stat(zombie)) ?? []
  writeFileSync(lockOf(dir), `${zombie} ${start}`)
  const unlock = await lockDirectory(dir, 10_000)
  unlock()
  parent.kill('SIGKILL')
})

const stat = (pid: number) => readFileSync(`/proc/${pid}/stat`, 'utf8')
