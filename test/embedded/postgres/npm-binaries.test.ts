import { chmod, cp, lstat, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'

import t from 'tap'

import { serverAccount } from '../../../src/embedded/postgres/account.ts'
import { inspect } from '../../../src/embedded/postgres/binaries.ts'
import { locate, makeRunnable } from '../../../src/embedded/postgres/npm-binaries.ts'
import { testFolder } from '../../helper.ts'
import { asRoot, openFolder } from './support.ts'

const native = locate()
const onlyNpm = { skip: native === undefined && 'there is no npm package for this platform' }
const onlyRoot = { skip: (native === undefined || !asRoot) && 'needs root' }

/** The package as an install without install scripts leaves it. */
async function unlinked (folder: string): Promise<string> {
  const copy = join(folder, 'package', 'native')
  await cp(native ?? '', copy, { recursive: true, verbatimSymlinks: true })
  await cp(join(native ?? '', '..', 'package.json'), join(copy, '..', 'package.json'))
  const lib = join(copy, 'lib')
  for (const name of await readdir(lib)) {
    if ((await lstat(join(lib, name))).isSymbolicLink()) await rm(join(lib, name))
  }
  return copy
}

t.test('links that no install script made are made at run time', onlyNpm, async (t) => {
  const copy = await unlinked(await openFolder(t))
  const account = serverAccount()
  t.equal(inspect(join(copy, 'bin'), account), undefined, 'it does not run as installed')
  const said: string[] = []
  const say = (message: string): void => { said.push(message) }
  const bin = await makeRunnable(copy, { account, folder: '/nonexistent', say })
  t.equal(bin, join(copy, 'bin'))
  t.match(inspect(bin, account), { major: Number })
  t.same(said, [])
})

t.test('binaries in a closed folder are copied where they can be run', onlyRoot, async (t) => {
  const closed = await testFolder(t)
  const copy = await unlinked(closed)
  await chmod(join(copy, 'bin', 'postgres'), 0o700)
  await chmod(join(copy, 'share'), 0o700)
  const account = serverAccount()
  const folder = join(await openFolder(t), 'shelter')
  const said: string[] = []
  const shelter = { account, folder, say: (message: string) => { said.push(message) } }
  const bins = await Promise.all([makeRunnable(copy, shelter), makeRunnable(copy, shelter)])
  const manifest: { version: string } = JSON.parse(
    await readFile(join(closed, 'package', 'package.json'), 'utf8'))
  const place = join(folder, `pg-${manifest.version}`)
  t.same(bins, [join(place, 'bin'), join(place, 'bin')], 'two at once agree')
  t.match(inspect(join(place, 'bin'), account), { major: Number })
  t.match(said[0], `to ${place}`)
  t.same(await readdir(folder), [`pg-${manifest.version}`], 'and leave nothing else')
})
