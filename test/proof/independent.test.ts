import t from 'tap'
import { sceneOf, streamScope, type Scene } from './forge.ts'
import { independent, whatIsMissing } from './independent.ts'
import { TAMPERINGS } from './tamper.ts'

/** These are only found out with what the verifier knows from elsewhere, or in opened sections. */
const NEEDS_MORE = new Set([
  'older checkpoint replayed', 'history rewritten with the keys of log and witness',
  'shown personal data changed', 'all that follows a leaf cut, a smaller range claimed'
])
const missing = await whatIsMissing()

t.test('a verifier written from the RFCs agrees on 100 bundles', { skip: missing }, async (t) => {
  const disagreements: string[] = []
  let [bundles, altered] = [0, 0]
  for (let seed = 100; bundles + altered < 100; seed++) {
    const scene = await sceneOf(seed)
    const cases = await casesOf(scene, seed)
    const { log, witness } = scene.ledger
    const trusted = { log: log.key, witness: witness.key }
    const verdicts = await independent(t.testdir(), trusted, cases.map(({ text }) => text))
    for (const [at, { name, good }] of cases.entries()) {
      if (verdicts[at] !== (good ? 'ok' : 'bad')) disagreements.push(`${name}, seed ${seed}`)
      if (good) bundles++
      else altered++
    }
  }
  t.strictSame(disagreements, [], `${bundles} untouched bundles, ${altered} altered ones`)
  t.ok(bundles >= 10 && altered >= 50)
})

interface Case {
  name: string
  text: string
  good: boolean
}

/** All kinds of bundles untouched, and a third of all tamperings. */
async function casesOf (scene: Scene, seed: number): Promise<Case[]> {
  const { ledger } = scene
  const last = BigInt(ledger.leaves.length)
  const texts = [
    scene.text,
    await ledger.bundle({ scope: streamScope(ledger) }),
    await ledger.bundle({ scope: { type: 'filter', filter: {} }, older: [3] }),
    await ledger.bundle({ scope: { type: 'range', from: last / 2n, to: last } })
  ]
  const cases = texts.map((text, at) => ({ name: `untouched ${at}`, text, good: true }))
  for (const [at, { name, forge }] of TAMPERINGS.entries()) {
    if (NEEDS_MORE.has(name) || at % 3 !== seed % 3) continue
    cases.push({ name, text: (await forge(scene)).text, good: false })
  }
  return cases
}
