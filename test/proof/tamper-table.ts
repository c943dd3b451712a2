import type { Test } from 'tap'
import { collect, verifyBundle, type VerifyBundleOptions } from '../../src/proof/verify.ts'
import { sceneOf, streamScope, type Scene } from './forge.ts'
import { TAMPERINGS } from './tamper.ts'

/**
 * Tampers in every way with bundles of that many seeds, and as often not at all: every tampering
 * must be found and named, and nothing else.
 */
export async function tamperTable (t: Test, seeds: number): Promise<void> {
  const missed = new Map<string, string[]>()
  const unnamed = new Map<string, string[]>()
  let [altered, caught, untouched, alarms] = [0, 0, 0, 0]
  for (let seed = 1; seed <= seeds; seed++) {
    const scene = await sceneOf(seed)
    for (const { name, faults, forge } of TAMPERINGS) {
      const { text, options } = await forge(scene)
      const { summary } = await verify(scene, text, options)
      altered++
      if (!summary.ok) caught++
      else push(missed, name, `seed ${seed}`)
      if (!faults.some((kind) => summary.findings[kind])) {
        push(unnamed, name, `seed ${seed}: ${Object.keys(summary.findings).join(' ')}`)
      }
      alarms += await falseAlarms(scene, untouched++)
    }
  }
  t.strictSame(Object.fromEntries(missed), {}, `${altered} altered bundles, ${caught} caught`)
  t.strictSame(Object.fromEntries(unnamed), {}, 'each is called what it is')
  t.equal(alarms, 0, `${untouched} untouched bundles, ${alarms} false alarms`)
  t.ok(TAMPERINGS.length >= 24, `${TAMPERINGS.length} kinds of tampering, ${seeds} seeds`)
}

/** Verifies an untouched bundle, each time of another scope or size. */
async function falseAlarms (scene: Scene, round: number): Promise<number> {
  const { ledger, random } = scene
  const size = 1 + random(ledger.leaves.length)
  const [first, last] = [random(size), random(size)].sort((a, b) => a - b)
  const kept = await ledger.checkpoint(1 + random(size))
  switch (round % 4) {
    case 0: return faultsOf(scene, await ledger.bundle({ size }), { kept })
    case 1: return faultsOf(scene, await ledger.bundle({
      size, scope: { type: 'range', from: BigInt(first ?? 0), to: BigInt(last ?? 0) + 1n }
    }))
    case 2: return faultsOf(scene, await ledger.bundle({ scope: streamScope(ledger) }))
    default: return faultsOf(scene, await ledger.bundle({
      size, scope: { type: 'filter', filter: {} }, older: [1 + random(size)]
    }))
  }
}

async function faultsOf (
  scene: Scene, text: string, options: Partial<VerifyBundleOptions> = {}
): Promise<number> {
  const { summary } = await verify(scene, text, options)
  return summary.ok ? 0 : 1
}

function verify ({ ledger }: Scene, text: string, options: Partial<VerifyBundleOptions> = {}) {
  return collect(verifyBundle([Buffer.from(text)], { policy: ledger.policy, ...options }))
}

function push (map: Map<string, string[]>, key: string, value: string): void {
  map.set(key, [...map.get(key) ?? [], value])
}
