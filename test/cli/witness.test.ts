import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { formatVerifierKey, parseVerifierKey } from '../../src/proof/keys.ts'
import { parseNote, parseSignature, verifyNote } from '../../src/proof/note.ts'
import { freePort, runCommand, type RunningCommand } from '../e2e/command.ts'
import { testFolder } from '../helper.ts'
import { bodyOf, branches, logSigner, noteOf } from '../witness/given.ts'

const VKEY = formatVerifierKey(logSigner.key)
const KILLS = 5
const SIZE = 4_000

function start (t: Test, folder: string, port: number, ...more: string[]): RunningCommand {
  return runCommand(t, [
    'witness', '--data', folder, '--port', String(port), '--log', VKEY, '--log-level', 'error',
    ...more
  ])
}

const post = async (port: number, body: Buffer, path = '/add-checkpoint'): Promise<Response> =>
  await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body })

t.test('it makes a key, says it, cosigns, and refuses what is not its protocol', async (t) => {
  const folder = await testFolder(t)
  const port = await freePort()
  const { honest } = branches(20, 5)
  const unnamed = start(t, folder, port)
  t.equal(await unnamed.ended, 2)
  t.match(unnamed.said(), /say by --name/)
  const running = start(t, folder, port, '--name', 'w.example/1')
  await running.until('Its key: ')
  const key = parseVerifierKey(/Its key: (\S+)/.exec(running.said())?.[1] ?? '')
  t.match(await readFile(join(folder, 'witness.key'), 'utf8'), /^PRIVATE\+KEY\+w\.example\/1\+/)
  if (process.platform !== 'win32') {
    t.equal((await stat(join(folder, 'witness.key'))).mode & 0o777, 0o600)
  }
  const answer = await post(port, await bodyOf(honest, 0, 20))
  t.equal(answer.status, 200)
  const signatures = [parseSignature((await answer.text()).trimEnd())]
  const note = parseNote(await noteOf(honest, 20))
  t.equal(verifyNote({ text: note.text, signatures }, [key]).verified.length, 1)
  const conflict = await post(port, await bodyOf(honest, 0, 20))
  t.match({ status: conflict.status, type: conflict.headers.get('content-type') },
    { status: 409, type: 'text/x.tlog.size' })
  t.equal(await conflict.text(), '20\n')
  t.equal((await post(port, Buffer.alloc(65_537))).status, 413)
  t.equal((await post(port, Buffer.alloc(65_536, 'x'))).status, 400)
  t.equal((await post(port, Buffer.alloc(0), '/else')).status, 404)
  t.equal((await fetch(`http://127.0.0.1:${port}/add-checkpoint`)).status, 405)
  const raw = connect(port, '127.0.0.1')
  raw.end('POST // HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  t.match(await text(raw), /^HTTP\/1\.1 400 /, 'a target that is no URL')
  const second = start(t, folder, await freePort())
  t.equal(await second.ended, 2)
  t.match(second.said(), /another audit-ledger already runs on/)
})

t.test('by another path and with other temporary files it is the same folder', async (t) => {
  const parent = await testFolder(t)
  const folder = join(parent, 'witness')
  const running = start(t, folder, await freePort(), '--name', 'w.example/1')
  await running.until('Its key: ')
  await symlink(folder, join(parent, 'link'))
  await mkdir(join(parent, 'tmp'))
  const second = runCommand(t, [
    'witness', '--data', join(parent, 'link'), '--port', String(await freePort()), '--log', VKEY
  ], { TMPDIR: join(parent, 'tmp') })
  t.equal(await second.ended, 2)
  t.match(second.said(), /another audit-ledger already runs on/)
  running.child.kill('SIGKILL')
  await running.ended
  const third = start(t, join(parent, 'link'), await freePort())
  await third.until('Its key: ')
})

t.test('a key that others may read is not used', { skip: process.platform === 'win32' },
  async (t) => {
    const folder = await testFolder(t)
    await writeFile(join(folder, 'witness.key'), 'secret')
    await chmod(join(folder, 'witness.key'), 0o644)
    const running = start(t, folder, await freePort())
    t.equal(await running.ended, 2)
    t.match(running.said(), /chmod 600/)
    t.notMatch(running.said(), /secret/)
  })

t.test('killed at any moment, it never cosigns two trees that disagree', async (t) => {
  const folder = await testFolder(t)
  const port = await freePort()
  const trees = Object.values(branches(SIZE, 10))
  const seen: Array<{ branch: number, size: number }> = []
  let [known, size] = [0, 20]
  for (let kill = 0; kill < KILLS; kill++) {
    const running = start(t, folder, port, '--name', 'w.example/1')
    await running.until('Its key: ')
    const enough = seen.length + 1 + kill
    let killer: Promise<unknown> | undefined
    for (let alive = true; alive; size++) {
      if (seen.length >= enough) {
        killer ??= sleep(kill * 7).then(() => running.child.kill('SIGKILL'))
      }
      // Both branches are tried, as whoever forks a log would.
      const answers = await Promise.all(trees.map(async (tree) => {
        return await post(port, await bodyOf(tree, known, size)).catch(() => undefined)
      }))
      alive = answers.every((answer) => answer !== undefined)
      answers.forEach((answer, branch) => {
        if (answer?.status === 200) seen.push({ branch, size })
      })
      if (answers.some((answer) => answer?.status === 200)) known = size
      const told = answers.find((answer) => answer?.status === 409)
      if (told !== undefined) known = Number(await told.text().catch(() => known))
      size = Math.max(size, known)
      if (size >= SIZE - 1) throw new Error('the tree is too small for this machine')
    }
    await killer
    await running.ended
  }
  t.ok(seen.length > KILLS, `${seen.length} cosigned`)
  t.equal(new Set(seen.map(({ branch }) => branch)).size, 1)
  const files = await readdir(join(folder, 'logs'))
  t.equal(new Set(files.map((name) => name.split('.', 1)[0])).size, 1)
})
