import t from 'tap'
import { readHeads, type Clock } from '../../src/cli/verify/heads.ts'
import type { Remote } from '../../src/cli/verify/remote.ts'
import { formatCheckpoint } from '../../src/proof/checkpoint.ts'
import type { Finding } from '../../src/proof/finding.ts'
import { COSIGNATURE, ED25519, signerFrom } from '../../src/proof/keys.ts'
import { planConsistency, proofFrom } from '../../src/proof/merkle-proof.ts'
import { cosign, formatNote, parseNote, signNote } from '../../src/proof/note.ts'
import { policyOf } from '../../src/proof/policy.ts'
import { treeOf } from '../proof/tree.ts'

const NOW_S = 1_800_000_000
const DAY_S = 86_400
const tree = treeOf(50)
const log = signerFrom('test/acme', ED25519, Buffer.alloc(32, 1))
const second = signerFrom('test/acme/2', ED25519, Buffer.alloc(32, 1))
const witness = signerFrom('w.example', COSIGNATURE, Buffer.alloc(32, 2))
const witnessed = policyOf([log.key], [witness.key], 1)

interface Head { size: number, cosignedAt?: number, signer?: typeof log, root?: Buffer }

async function noteOf ({ size, cosignedAt, signer = log, root }: Head): Promise<string> {
  const text = formatCheckpoint({
    origin: signer.key.name,
    size: BigInt(size),
    root: root ?? tree.root(BigInt(size)),
    extensions: []
  })
  const { signatures } = parseNote(await signNote(text, [signer]))
  if (cosignedAt === undefined) return formatNote({ text, signatures })
  const cosignature = await cosign(text, witness, BigInt(cosignedAt))
  return formatNote({ text, signatures: [...signatures, cosignature] })
}

/** A ledger that lists these checkpoints, newest first, and says it signed them long ago. */
function ledgerOf (heads: () => Head[]): Remote {
  const json = async (path: string): Promise<unknown> => {
    const [, from, to] = /consistency\?from=(\d+)&to=(\d+)/.exec(path) ?? []
    if (from !== undefined && to !== undefined) {
      const proof = proofFrom(planConsistency(BigInt(from), BigInt(to)), tree.read)
      return { proof: proof.map((node) => node.toString('base64')) }
    }
    const notes = await Promise.all(heads().map(noteOf))
    const items = notes.map((checkpoint, at) => (
      { checkpoint, position: String(1000 - at), recordedAt: '2020-01-01T00:00:00.000Z' }))
    return { items, nextCursor: null }
  }
  const refuse = (): never => { throw new Error('not asked') }
  return { json: json as Remote['json'], text: refuse, bytes: refuse, lines: refuse }
}

async function judged (
  heads: () => Head[], policy = witnessed, wait: Clock['wait'] = async () => {}
) {
  const findings: Finding[] = []
  const read = await readHeads({
    remote: ledgerOf(heads),
    policy,
    tell: (found) => { findings.push(...found) },
    clock: { now: () => NOW_S * 1000, wait }
  })
  return { ...read, said: findings.map(({ kind, severity }) => `${severity} ${kind}`) }
}

t.test('what witnesses did not sign for a quarter of an hour is a fault, whatever the ledger says',
  async (t) => {
    const late: Head[] = [{ size: 40 }, { size: 30, cosignedAt: NOW_S - 901 }]
    t.strictSame((await judged(() => late)).said, ['fault no-quorum'])
    const soon: Head[] = [{ size: 40 }, { size: 30, cosignedAt: NOW_S - 899 }]
    t.strictSame((await judged(() => soon)).said, ['info no-quorum'])
    const quiet: Head[] = [{ size: 40, cosignedAt: NOW_S - DAY_S }]
    t.strictSame((await judged(() => quiet)).said, [], 'a log to which nothing came is no fault')
    t.strictSame((await judged(() => [{ size: 40 }])).said, ['fault no-quorum'])
    t.strictSame((await judged(() => [{ size: 40 }], policyOf([log.key]))).said, [])
  })

t.test('a cosignature that is on its way is waited for', async (t) => {
  const waits = async (root?: Buffer): Promise<string[]> => {
    let waited = 0
    const heads = (): Head[] => [
      ...(waited < 3 ? [] : [{ size: 42, cosignedAt: NOW_S, ...(root && { root }) }]),
      { size: 40 }, { size: 30, cosignedAt: NOW_S - DAY_S }
    ]
    return (await judged(heads, witnessed, async () => waited++)).said
  }
  t.strictSame(await waits(), [], 'of a later checkpoint that continues the last')
  t.strictSame(await waits(tree.root(41n)), ['fault no-quorum'], 'but not of another tree')
})

t.test('an earlier epoch is another log, whose checkpoints are counted and compared alone',
  async (t) => {
    const root = tree.root(44n)
    const heads: Head[] = [
      { size: 30, signer: second }, { size: 20, signer: second }, { size: 45, root }, { size: 10 }
    ]
    const both = await judged(() => heads, policyOf([log.key, second.key]))
    t.strictSame(both.said, ['info foreign'])
    t.strictSame([both.last?.origin, [...both.roots.keys()]], ['test/acme/2', [30n, 20n]])
    const present = await judged(() => heads, policyOf([second.key]))
    t.strictSame(present.said, ['info foreign'], 'nor need anybody trust its key')
    const before = await judged(() => heads, policyOf([log.key]))
    t.equal(before.last, undefined, 'the present one has to be trusted')
    t.ok(before.said.includes('fault wrong-key'))
    const forked = [...heads, { size: 45 }, { size: 10 }]
    const trusted = policyOf([log.key, second.key])
    t.ok((await judged(() => forked, trusted)).said.includes('fault forked'))
    const mixed = [...heads, { size: 5, signer: second }]
    t.ok((await judged(() => mixed, trusted)).said.includes('fault reordered'))
  })
