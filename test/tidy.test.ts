import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { packageFile } from '../src/paths.ts'

const root = packageFile('.')

/** Folder -> folders it may import from, itself always included. The longest prefix counts. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  schemas: [],
  'src/proof': [],
  projections: ['schemas', 'src/proof'],
  src: ['schemas'],
  'src/postgres': ['src'],
  'src/privacy': ['src', 'schemas', 'src/postgres'],
  'src/webhooks': ['src', 'schemas'],
  'src/ledger': ['src', 'schemas', 'src/privacy', 'src/proof'],
  'src/worker': ['src', 'schemas', 'src/postgres', 'src/privacy', 'src/ledger', 'src/proof',
    'src/webhooks', 'projections'],
  'src/api': ['src', 'schemas', 'src/postgres', 'src/privacy', 'src/ledger', 'src/proof',
    'src/exports', 'src/webhooks', 'projections'],
  'src/exports': ['schemas'],
  'src/sample': ['schemas'],
  'src/client': ['schemas'],
  'src/witness': ['src', 'src/proof'],
  'src/embedded/eventstore': [],
  'src/embedded/postgres': [],
  'src/cli': ['src', 'schemas', 'src/postgres', 'src/privacy', 'src/ledger', 'src/worker',
    'src/api', 'src/sample', 'src/embedded/eventstore', 'src/embedded/postgres', 'src/proof',
    'src/webhooks', 'src/witness', 'projections']
}

/** Package -> the only folders or files that may import it. */
const ONLY_IN: Record<string, readonly string[]> = {
  '@eventstore/db-client': ['src/ledger/client', 'src/embedded/eventstore'],
  '@grpc/grpc-js': ['src/ledger/client', 'src/embedded/eventstore'],
  pg: ['src/postgres', 'src/embedded/postgres'],
  fastify: ['src/api']
}

const LINES_MAX = 300

interface Source {
  file: string
  text: string
  imports: string[]
}

function sourcesBelow (folder: string): Source[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => {
      const file = path.posix.join(folder, name.split(path.sep).join('/'))
      const text = readFileSync(path.join(root, file), 'utf8')
      const found = text.matchAll(/^(?:import|export)\b[^'"`;]*?from '([^']+)'|import\('([^']+)'\)/gm)
      return { file, text, imports: [...found].map(([, one, two]) => one ?? two ?? '') }
    })
}

const sources = ['schemas', 'projections', 'src'].flatMap(sourcesBelow)

function folderOf (file: string): string {
  return Object.keys(MAY_IMPORT)
    .filter((folder) => file.startsWith(`${folder}/`))
    .reduce((longest, folder) => folder.length > longest.length ? folder : longest, '')
}

t.test('every source file belongs to a folder with a rule', async (t) => {
  t.ok(sources.length > 50, `${sources.length} files read`)
  t.strictSame(sources.filter(({ file }) => folderOf(file) === '').map(({ file }) => file), [])
})

t.test('imports point inward', async (t) => {
  const wrong = sources.flatMap(({ file, imports }) => {
    const from = folderOf(file)
    const allowed = [from, ...(MAY_IMPORT[from] ?? [])]
    return imports
      .filter((name) => name.startsWith('.'))
      .map((name) => path.posix.join(path.posix.dirname(file), name))
      .filter((target) => !allowed.includes(folderOf(target)))
      .map((target) => `${file} must not import ${target}`)
  })
  t.strictSame(wrong, [])
})

t.test('a package with an owner is imported by its owner only', async (t) => {
  const wrong = sources.flatMap(({ file, text, imports }) => imports.flatMap((name) => {
    const owner = Object.keys(ONLY_IN).find((key) => name === key || name.startsWith(`${key}/`))
    const typeOnly = new RegExp(`import type [^;']*from '${name}'`).test(text)
    if (owner === undefined || typeOnly) return []
    return ONLY_IN[owner]?.some((folder) => file.startsWith(folder)) === true
      ? []
      : [`${file} must not import ${name}`]
  }))
  t.strictSame(wrong, [])
})

t.test('only composition roots read the environment or end the process', async (t) => {
  const wrong = sources
    .filter(({ file }) => !file.startsWith('src/cli/') && !file.startsWith('src/embedded/'))
    .filter(({ text }) => /\bprocess\.(env|exit|argv)\b/.test(text))
    .map(({ file }) => file)
  t.strictSame(wrong, [])
})

t.test('no file is longer than a reader can hold', async (t) => {
  const long = [...sources, ...sourcesBelow('test')]
    .map(({ file, text }) => ({ file, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > LINES_MAX)
  t.strictSame(long, [])
})

t.test('every source file is used: reachable from a command or a process entry', async (t) => {
  // What an auditor lifts out has its own ways in.
  const lifted = ['verify', 'bundle-writer', 'tiles'].map((name) => `src/proof/${name}.ts`)
  const exported = ['index', 'fastify'].map((name) => `src/client/${name}.ts`)
  const entries = [
    'src/cli/main.ts', 'src/embedded/eventstore/main.ts', ...lifted, ...exported
  ]
  const byFile = new Map(sources.map((source) => [source.file, source]))
  const reached = new Set<string>()
  const visit = (file: string): void => {
    if (reached.has(file)) return
    reached.add(file)
    for (const name of byFile.get(file)?.imports ?? []) {
      if (name.startsWith('.')) visit(path.posix.join(path.posix.dirname(file), name))
    }
  }
  entries.forEach(visit)
  const dead = sources.map(({ file }) => file).filter((file) => !reached.has(file))
  t.strictSame(dead, [])
})

t.test('no source carries unfinished work', async (t) => {
  const marks = new RegExp(['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].join('|'))
  t.strictSame(sources.filter(({ text }) => marks.test(text)).map(({ file }) => file), [])
})
