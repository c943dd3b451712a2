import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageFile } from '../../../src/paths.ts'

const ROOT = packageFile('src/embedded/eventstore/')
const LAYERS = ['wire', 'storage', 'engine', 'server']

t.test('each layer of the node knows only those below it, and Node itself', async (t) => {
  for (const [height, layer] of LAYERS.entries()) {
    for (const file of readdirSync(join(ROOT, layer))) {
      const imports = [...readFileSync(join(ROOT, layer, file), 'utf8')
        .matchAll(/from '([^']+)'/g)].map((match) => match[1] ?? '')
      const allowed = ['node:', './', ...LAYERS.slice(0, height).map((below) => `../${below}/`)]
      const others = imports.filter((from) => !allowed.some((start) => from.startsWith(start)))
      t.same(others, [], `${layer}/${file}`)
    }
  }
})
