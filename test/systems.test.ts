import { readFileSync } from 'node:fs'
import t from 'tap'
import { PROTECTED, PUBLIC } from '../src/api/app.ts'
import { packageFile } from '../src/paths.ts'
import { COEQUAL } from './systems/coequal.ts'
import { EQUA } from './systems/equa.ts'
import { MOSAIC } from './systems/mosaic.ts'
import { THEIRS } from './systems/probes.ts'
import { seededLedger } from './systems/seed.ts'
import { SOVRIUM } from './systems/sovrium.ts'
import { TRULEDGR } from './systems/truledgr.ts'

/** Everything that the five systems documented, numbered: the letter, and how many there are. */
const SYSTEMS = [
  { name: 'Equa', letter: 'E', count: 12, features: EQUA },
  { name: 'Sovrium', letter: 'S', count: 16, features: SOVRIUM },
  { name: 'Coequal', letter: 'C', count: 23, features: COEQUAL },
  { name: 'Mosaic', letter: 'M', count: 17, features: MOSAIC },
  { name: 'TruLedgr', letter: 'T', count: 22, features: TRULEDGR }
] as const

const readme = readFileSync(packageFile('README.md'), 'utf8')

/** The ids that a cell names: `S1, S9-S13`. */
function idsIn (cell: string): string[] {
  return [...cell.matchAll(/\b([ESCMT])([0-9]+)(?:-\1([0-9]+))?/g)]
    .flatMap(([, letter, first, last = first]) => Array.from(
      { length: Number(last) - Number(first) + 1 }, (_, n) => `${letter}${Number(first) + n}`))
}

/** What the README says of each id: which system, and where it is. */
const places = new Map([...readme.matchAll(/^\| (\w+) \| ([^|]*[ESCMT][0-9][^|]*) \| (.*) \|$/gm)]
  .flatMap(([, system = '', ids = '', where = '']) =>
    idsIn(ids).map((id) => [id, { system, where }] as const)))

t.test('nothing that the five systems documented is left out', async (t) => {
  for (const { letter, count, features } of SYSTEMS) {
    const ids = Array.from({ length: count }, (_, n) => `${letter}${n + 1}`)
    t.strictSame(Object.keys(features), ids)
  }
  t.equal([...places].length, 90)
})

t.test('the README says of each where it is', async (t) => {
  for (const { name, features } of SYSTEMS) {
    for (const [id, { where }] of Object.entries(features)) {
      const place = places.get(id)
      t.equal(place?.system, name, id)
      t.ok(place?.where.includes(where), `${id}: ${where} in ${place?.where}`)
    }
  }
})

t.test('what the README names as a route is one', async (t) => {
  const routes = [...PUBLIC, ...PROTECTED].map(([, url]) => url)
  const named = [...places.values()].flatMap(({ where }) =>
    [...where.matchAll(/`(?:[A-Z]+ )?(\/[^`]*)`/g)].map(([, url = '']) => url))
  t.strictSame(named.filter((url) => !routes.some((route) => route.startsWith(url))), [])
})

t.test('each of it works here, or is none of ours', async (t) => {
  const seeded = await seededLedger(t)
  for (const { features } of SYSTEMS) {
    for (const [id, { what, where, probes }] of Object.entries(features)) {
      t.equal(probes.length === 0, where === THEIRS, `${id} has a probe, or is theirs`)
      await t.test(`${id}: ${what}`, async (t) => {
        for (const probe of probes) await probe(t, seeded)
      })
    }
  }
})
