import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import type { EventRow } from '../../projections/entries/queries.ts'
import { presentRows } from '../../src/api/present.ts'
import { createShownHeads } from '../../src/api/shown-heads.ts'
import { sealSection } from '../../src/privacy/cipher.ts'
import type { Vault } from '../../src/privacy/vault.ts'
import { uuid } from '../given.ts'

const row = { id: 'e', stream: 's', head: '{}', sealed: '[]' }

t.test('only the very same row under the very same key is known', async (t) => {
  const shown = createShownHeads(10)
  const key = randomBytes(32)
  shown.put([key], row, 'opened')
  t.equal(shown.get([key], { ...row }), 'opened')
  t.equal(shown.get([Buffer.from(key)], row), undefined, 'a copy of the key is another one')
  t.equal(shown.get([key, key], row), undefined)
  t.equal(shown.get([], row), undefined)
  for (const member of ['id', 'stream', 'head', 'sealed']) {
    t.equal(shown.get([key], { ...row, [member]: 'x' }), undefined, member)
  }
})

t.test('it holds so many, the least recently used go first', async (t) => {
  const shown = createShownHeads(4)
  const key = randomBytes(32)
  const has = (id: string): boolean => shown.get([key], { ...row, id }) !== undefined
  for (const id of ['a', 'b', 'c']) shown.put([key], { ...row, id }, id)
  t.equal(has('a'), true, 'used again')
  for (const id of ['d', 'e']) shown.put([key], { ...row, id }, id)
  t.strictSame(['b', 'e', 'd', 'a'].map(has), [false, true, true, true])
})

t.test('who reads again is shown the same, and nobody what the vault forgot', async (t) => {
  const refs = [uuid(1), uuid(2)]
  await fc.assert(fc.asyncProperty(
    fc.array(fc.record({ who: fc.nat(1), both: fc.boolean(), name: fc.string() }), {
      minLength: 1, maxLength: 8
    }),
    fc.array(fc.constantFrom('read', 'seal', 'forget', 'return'), { maxLength: 12 }),
    async (people, steps) => {
      const known = new Map(refs.map((ref) => [ref, randomBytes(32)]))
      const remembered = new Map(known)
      const rows = people.map(({ who, both, name }, n): EventRow => {
        const [id, stream] = [uuid(n + 10), `acme.order-${n}`]
        const seal = (which: number, path: string): unknown => {
          const ref = refs[which] ?? ''
          const dataKey = known.get(ref) ?? Buffer.alloc(32)
          return sealSection({ ref, dataKey }, { tenant: 'acme', stream, id }, { [path]: name })
        }
        const sealed = [seal(who, '/actor/name'), ...both ? [seal(1 - who, '/entity/name')] : []]
        return {
          position: BigInt(n),
          id,
          stream,
          body: `"id":"${id}"`,
          head: '{"actor":{"type":"user"},"entity":{"type":"user"}}',
          sealed: JSON.stringify(sealed)
        } as EventRow
      })
      const vault = {
        keys: async (_tenant: string, wanted: readonly string[]) =>
          new Map(wanted.flatMap((ref) => {
            const key = remembered.get(ref)
            return key === undefined ? [] : [[ref, key] as const]
          }))
      } satisfies Pick<Vault, 'keys'>
      const shownHeads = createShownHeads(10)
      const [first = ''] = refs
      for (const step of ['read', ...steps]) {
        if (step === 'forget') remembered.delete(first)
        if (step === 'return') remembered.set(first, known.get(first) ?? Buffer.alloc(32))
        const access = step === 'seal' ? 'sealed' : 'opened'
        const texts = await presentRows({ vault, shownHeads }, { tenant: 'acme', access }, rows)
        texts.forEach((text, n) => {
          const { who = 0, both, name } = people[n] ?? {}
          const isOpen = (which: number): boolean =>
            access === 'opened' && remembered.has(refs[which] ?? '')
          const party = (which: number): object => isOpen(which)
            ? { type: 'user', name }
            : { type: 'user', ...access === 'sealed' ? { sealed: true } : { erased: true } }
          const entity = both === true ? party(1 - who) : { type: 'user' }
          const { actor, entity: shown } = JSON.parse(text)
          if (JSON.stringify([actor, shown]) !== JSON.stringify([party(who), entity])) {
            throw new Error(`${step}: ${text}`)
          }
        })
      }
    }), { numRuns: 200 })
})
