import { spawn } from 'node:child_process'
import { cpSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EventStoreDBClient } from '@eventstore/db-client'
import t from 'tap'
import { startNode } from '../../../src/embedded/eventstore/node.ts'
import { checkDirectory } from '../../../src/embedded/eventstore/storage/check.ts'
import { all, event, failure, givenNode } from './given-node.ts'
import { killUnderWriters } from './given-writers.ts'

t.test('kill -9 under writers loses nothing acknowledged and leaves no half call', async (t) => {
  const report = await killUnderWriters(t.testdir(), { kills: 2, writers: 16 })
  t.ok(report.acknowledged >= 40, `${report.acknowledged} acknowledged`)
  t.same([report.lost, report.partial], [[], []])
  t.ok(checkDirectory(t.testdirName).ok)
})

t.test('a node does not outlive a parent that was killed', async (t) => {
  const dataDir = t.testdir()
  const spawnModule = new URL('../../../src/embedded/eventstore/spawn.js', import.meta.url)
  const script = join(dataDir, 'parent.mjs')
  writeFileSync(script, `import { spawnNode } from ${JSON.stringify(spawnModule)}
    const node = await spawnNode({ dataDir: ${JSON.stringify(dataDir)} })
    console.log(node.pid)`)
  const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const pid = await new Promise<number>((resolve) => {
    parent.stdout?.once('data', (data) => { resolve(Number(data)) })
  })
  parent.kill('SIGKILL')
  await t.resolves(gone(pid))
  t.notOk(existsSync(join(dataDir, 'node.lock')), 'it stopped in order')
})

async function gone (pid: number): Promise<void> {
  for (let n = 0; n < 200; n++) {
    try {
      process.kill(pid, 0)
    } catch {
      return
    }
    await new Promise((resolve) => { setTimeout(resolve, 50) })
  }
  throw new Error(`process ${pid} is still there`)
}

t.test('stopping answers every append that is under way', async (t) => {
  const { node, client } = await givenNode(t)
  const outcomes: Promise<string>[] = []
  for (let n = 0; n < 500; n++) {
    outcomes.push(client.appendToStream(`s-${n}`, event(n)).then(() => 'appended', () => 'refused'))
  }
  await outcomes[0]
  await node.stop()
  const answers = await Promise.all(outcomes)
  const appended = answers.filter((answer) => answer === 'appended').length
  const again = await startNode({ dataDir: t.testdirName })
  t.teardown(() => again.stop())
  const reader = EventStoreDBClient.connectionString(again.url)
  t.teardown(() => reader.dispose())
  t.ok((await all(reader.readAll())).length - 2 >= appended)
})

t.test('one data directory has one node, and a running node\'s copy is a backup', async (t) => {
  const dir = t.testdir({ data: {} })
  const dataDir = join(dir, 'data')
  const { client } = await givenNode(t, { dataDir })
  const locked = failure(startNode({ dataDir, port: 1 }))
  const state = { copied: false }
  const writing = (async () => {
    for (let n = 0; !state.copied || n < 50; n++) await client.appendToStream('s', event(n))
  })()
  await client.appendToStream('before', event())
  cpSync(dataDir, join(dir, 'copy'), { recursive: true, filter: (path) => !/lock/.test(path) })
  state.copied = true
  await writing
  t.ok(checkDirectory(join(dir, 'copy')).ok)
  const restored = await givenNode(t, { dataDir: join(dir, 'copy') })
  t.equal((await all(restored.client.readStream('before'))).length, 1)
  t.match(await failure(locked.then(({ name }) => { throw Object.assign(new Error(), { name }) })),
    { name: 'DirectoryLockedError' })
})
