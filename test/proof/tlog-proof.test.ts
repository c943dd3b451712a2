import fc from 'fast-check'
import t from 'tap'
import { FormatError } from '../../src/proof/format.ts'
import { leafHash } from '../../src/proof/leaf.ts'
import { planInclusion, proofFrom } from '../../src/proof/merkle-proof.ts'
import { formatTlogProof, parseTlogProof } from '../../src/proof/tlog-proof.ts'
import { verifyProof } from '../../src/proof/verify.ts'
import { ledgerOf, START } from './ledger.ts'

const ledger = ledgerOf(300, 5)
const { policy } = ledger
const checkpoint = await ledger.checkpoint()

function proofOf (index: number, size = 300, extra = true): string {
  return formatTlogProof({
    index: BigInt(index),
    proof: proofFrom(planInclusion(BigInt(index), BigInt(size)), ledger.tree.read),
    checkpoint,
    ...(extra && { extra: Buffer.from(ledger.leaves[index] ?? '') })
  })
}

function kindsOf (
  text: string, options: Partial<Parameters<typeof verifyProof>[1]> = {}
): string[] {
  return verifyProof(text, { policy, ...options }).findings.map(({ kind }) => kind)
}

t.test('the text is that of C2SP tlog-proof', async (t) => {
  const hashes = [leafHash('hash1'), leafHash('hash2')]
  const base64 = hashes.map((hash) => `${hash.toString('base64')}\n`).join('')
  const plain = formatTlogProof({ index: 5n, proof: hashes, checkpoint: 'test checkpoint\n' })
  t.equal(plain, `c2sp.org/tlog-proof@v1\nindex 5\n${base64}\ntest checkpoint\n`)
  t.strictSame(parseTlogProof(plain), { index: 5n, proof: hashes, checkpoint: 'test checkpoint\n' })
  const extra = Buffer.from('extra information')
  const full = formatTlogProof({ index: 0n, proof: [], checkpoint: 'c\n', extra })
  t.equal(full, `c2sp.org/tlog-proof@v1\nextra ${extra.toString('base64')}\nindex 0\n\nc\n`)
  t.strictSame(parseTlogProof(full), { index: 0n, proof: [], checkpoint: 'c\n', extra })
})

t.test('what is not a proof is refused', async (t) => {
  const good = proofOf(7)
  for (const text of [
    '', 'x', 'c2sp.org/tlog-proof@v1\n', good.replace('@v1', '@v2'),
    good.replace('index 7', 'index 07'), good.replace('index 7\n', ''),
    good.replace('index 7', 'index -7'), good.replace('index', 'Index'),
    good.replace('extra ', 'extra  '), good.replace('index 7\n', 'index 7\nAAAA\n'), ` ${good}`,
    good.replace('index 7\n', `index 7\n${`${leafHash('').toString('base64')}\n`.repeat(64)}`),
    good.replace('index 7\n', 'extra AAAA\nindex 7\n')
  ]) {
    t.throws(() => parseTlogProof(text), FormatError, text.slice(0, 60))
    t.strictSame(kindsOf(text), ['malformed', 'empty'])
  }
})

t.test('every leaf has a proof that verifies alone', async (t) => {
  for (let index = 0; index < 300; index++) {
    const { summary, findings } = verifyProof(proofOf(index), { policy })
    if (!summary.ok || findings.length > 0 || summary.proven !== 1) t.fail(`leaf ${index}`)
  }
  const { summary } = verifyProof(proofOf(0, 300, false), { policy, leaf: ledger.leaves[0] ?? '' })
  t.ok(summary.ok, 'with leaf data from elsewhere')
  t.equal(summary.sealed, 1)
  t.equal(summary.checkpoint?.size, 300n)
})

t.test('what is wrong with a proof is said', async (t) => {
  const good = proofOf(7)
  t.strictSame(kindsOf(proofOf(7, 300, false)), ['missing', 'empty'])
  t.strictSame(kindsOf(good, { leaf: ledger.leaves[8] ?? '' }), ['bad-proof', 'empty'])
  t.strictSame(kindsOf(good.replace('index 7', 'index 8')), ['bad-proof', 'empty'])
  t.strictSame(kindsOf(proofOf(7, 299)), ['bad-proof', 'empty'], 'a proof in another tree')
  t.strictSame(kindsOf(good.replace('index 7', 'index 300')), ['bad-proof', 'empty'])
  t.strictSame(kindsOf(good.replace('\n300\n', '\n301\n')).at(0), 'bad-signature')
  t.strictSame(kindsOf(good.replace(/\u2014 witness.*\n/, '')), ['no-quorum', 'empty'])
  t.strictSame(kindsOf(good, { policy: ledgerOf(1, 6).policy }).at(0), 'wrong-key')
  t.strictSame(kindsOf(good, { kept: await ledgerOf(301, 5).checkpoint() }), ['stale'])
  t.strictSame(kindsOf(good, { kept: checkpoint }), [])
  t.strictSame(kindsOf(good, { kept: await ledger.checkpoint(200) }), ['missing'])
  const now = BigInt(START / 1000 + 301)
  t.strictSame(kindsOf(good, { age: { seconds: 1n, now } }), [])
  t.strictSame(kindsOf(good, { age: { seconds: 1n, now: now + 1n } }), ['stale'])
})

t.test('no change of a character passes', async (t) => {
  const good = proofOf(7)
  const changes = fc.tuple(fc.nat(good.length - 1), fc.constantFrom('A', '1', ' ', '\n', '='))
  fc.assert(fc.property(changes, ([at, by]) => {
    const text = good.slice(0, at) + by + good.slice(at + 1)
    return text === good || !verifyProof(text, { policy }).summary.ok
  }), { numRuns: 500 })
})
