import type { Scenario, System } from '../bench.ts'
import { textOf } from '../http.ts'
import { getPage, PAGE, pageRate } from '../pages.ts'
import { figuresOf, interleave, type Sample } from '../sample.ts'
import { median } from '../stats.ts'

const DEPTH = 10_000
const STRIDE = 200
const RATIO_MAX = 1.15

/** The cursor of the page that begins after so many items. */
async function cursorAt (system: System, depth: number): Promise<string> {
  let cursor = ''
  for (let passed = 0; passed < depth; passed += STRIDE) {
    const page = await getPage(system, `/v1/events?limit=${STRIDE}${cursor}`)
    cursor = `&cursor=${encodeURIComponent(textOf(page, 'nextCursor'))}`
  }
  return cursor
}

/** What a page far down the list costs, against the first. */
export const depth: Scenario = {
  name: 'depth',
  title: `The page at depth ${DEPTH} against the first`,
  filled: true,
  async run (bench) {
    const paths = new Map<System, { first: string, deep: string }>()
    for (const system of bench.systems.values()) {
      if (system.name !== 'tuned' && system.name !== 'ledger') continue
      const first = `/v1/events?limit=${PAGE}`
      paths.set(system, { first, deep: first + await cursorAt(system, DEPTH) })
    }
    const first = new Map<System, Sample[]>()
    const deep = await interleave(bench, ['tuned', 'ledger'], async (system, round) => {
      const { first: one, deep: other } = paths.get(system) ?? { first: '', deep: '' }
      const seconds = bench.options.seconds / 2
      const shallow = await pageRate(bench, system, { paths: [one], seconds })
      if (round > 0) first.set(system, [...first.get(system) ?? [], shallow])
      return await pageRate(bench, system, { paths: [other], seconds })
    })
    const shallow = new Map([...first].map(([system, samples]) => [system.name, samples]))
    const rate = (samples: readonly Sample[] | undefined): number => {
      return median((samples ?? []).map(({ value }) => value))
    }
    return {
      figures: [
        ...figuresOf(shallow, 'page 1', 'pages/s'),
        ...figuresOf(deep, `page at depth ${DEPTH}`, 'pages/s')
      ],
      checks: [{
        what: `time of a page at depth ${DEPTH}`,
        against: 'page 1',
        value: rate(shallow.get('ledger')) / rate(deep.get('ledger')),
        unit: '×',
        target: { kind: 'at most', limit: RATIO_MAX }
      }]
    }
  }
}
