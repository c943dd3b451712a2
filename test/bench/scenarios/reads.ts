import { figureOf, ratioCheck, type Figure, type Scenario } from '../bench.ts'
import { checkPages, PAGES, pageRate } from '../pages.ts'
import { figuresOf, interleave } from '../sample.ts'

const SYSTEMS = ['insert', 'tuned', 'ledger'] as const
const RATIO_MIN = 1.5

/** First pages, as an auditor asks for them. */
export const reads: Scenario = {
  name: 'reads',
  title: 'Pages of 50, 16 connections',
  filled: true,
  async run (bench) {
    const figures: Figure[] = []
    for (const name of SYSTEMS) {
      const system = bench.systems.get(name)
      if (system !== undefined) await checkPages(system)
    }
    for (const [measure, paths] of Object.entries(PAGES)) {
      const samples = await interleave(bench, SYSTEMS, async (system, round) => {
        return await pageRate(bench, system, { paths, seconds: bench.options.seconds / 2 })
      })
      figures.push(...figuresOf(samples, measure, 'pages/s'))
    }
    return {
      figures,
      checks: Object.keys(PAGES).map((measure) => {
        const pair = [figureOf(figures, 'ledger', measure), figureOf(figures, 'tuned', measure)]
        const target = { kind: 'at least' as const, limit: RATIO_MIN }
        return ratioCheck(`${measure}: page of 50, actors opened`, pair, target)
      })
    }
  }
}
