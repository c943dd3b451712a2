import { execFileSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { testFolder } from '../helper.ts'
import { eventually, freePort, runCommand } from './command.ts'
import { client, type Listed } from './http.ts'

t.test('a fresh folder becomes a ledger, and survives whatever ends it', async (t) => {
  const data = path.join(await testFolder(t), 'a folder with spaces')
  const port = await freePort()
  const start = () => runCommand(t, ['start', '--data', data, '--port', String(port)])
  const address = `http://127.0.0.1:${port}`
  const feed = async () => {
    const answer = await reader().get('/v1/users/u-81/events')
    return answer.status === 200 ? (answer.json() as Listed).items.map(({ id }) => id) : undefined
  }
  const reader = () => client(address, readFileSync(path.join(data, 'dev.key'), 'utf8').trim())

  const first = start()
  await first.until('Ctrl-C stops it.')
  t.match(first.said(), /creating a Postgres \d+ database/, 'the first boot shows progress')
  for (const name of ['admin.key', 'dev.key', 'master.key']) {
    t.equal(statSync(path.join(data, name)).mode & 0o777, 0o600, `${name} is its owner's only`)
  }

  const [append, read] = pasted(first.said())
  const receipt: { id: string } = JSON.parse(execFileSync('sh', ['-c', append ?? '']).toString())
  await eventually(feed, (ids) => ids?.includes(receipt.id) === true)
  const shown: Listed = JSON.parse(execFileSync('sh', ['-c', read ?? '']).toString())
  t.strictSame(shown.items.map(({ id }) => id), [receipt.id], 'both lines work when pasted')

  const second = start()
  t.equal(await second.ended, 2)
  t.match(second.said(), /another audit-ledger already runs on/)

  const pids = [first.child.pid, ...childrenOf(first.child.pid)]
  t.ok(pids.length >= 4, 'the parts are processes of their own')
  first.child.kill('SIGKILL')
  await first.ended
  for (const pid of pids) tryKill(pid)

  const third = start()
  await third.until('Ctrl-C stops it.')
  t.strictSame(await eventually(feed, (ids) => ids !== undefined), [receipt.id],
    'nothing is lost or doubled after a kill of everything')

  const parts = childrenOf(third.child.pid)
  const before = Date.now()
  third.child.kill('SIGTERM')
  t.equal(await third.ended, 0)
  t.ok(Date.now() - before < 10_000, 'a clean stop takes less than 10 s')
  await eventually(async () => parts.filter(isAlive), (alive) => alive.length === 0)
})

t.test('a part that is killed is started again by itself', async (t) => {
  const data = await testFolder(t)
  const port = await freePort()
  const ledger = runCommand(t, ['start', '--data', data, '--port', String(port)])
  await ledger.until('Ctrl-C stops it.')
  const reader = client(`http://127.0.0.1:${port}`, '')
  const ready = async () => (await reader.get('/readyz')).status
  for (const part of ['serve', 'work', 'eventstore/main']) {
    const [pid] = childrenOf(ledger.child.pid, part)
    t.ok(pid, `${part} runs`)
    tryKill(pid)
    await eventually(async () => childrenOf(ledger.child.pid, part)[0],
      (now) => now !== undefined && now !== pid)
    t.equal(await eventually(ready, (status) => status === 200), 200, `ready again: ${part}`)
  }
  t.match(ledger.said(), /The API ended \(SIGKILL\); starting it again/)
})

/** The two lines to paste that the banner shows. */
function pasted (said: string): string[] {
  const lines = said.replaceAll('\\\n', '').split('\n')
  return lines.filter((line) => line.startsWith('  curl '))
}

function childrenOf (pid: number | undefined, command = ''): number[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid=,args=']).toString().split('\n')
  return rows.map((row) => row.trim().split(/\s+/))
    .filter(([, parent, ...args]) => {
      return Number(parent) === pid && args.join(' ').includes(command)
    })
    .map(([child]) => Number(child))
}

function tryKill (pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(pid, 'SIGKILL')
  } catch {
    // It had ended by itself, which is what was wanted.
  }
}

function isAlive (pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
