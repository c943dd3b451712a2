import t from 'tap'
import { formatCheckpoint } from '../../src/proof/checkpoint.ts'
import { FormatError } from '../../src/proof/format.ts'
import { COSIGNATURE, ED25519, formatVerifierKey, signerFrom } from '../../src/proof/keys.ts'
import { planConsistency, proofFrom } from '../../src/proof/merkle-proof.ts'
import { cosign, formatNote, parseNote, signNote } from '../../src/proof/note.ts'
import {
  formatPolicy, meetsQuorum, parsePolicy, POLICY_LENGTH_MAX, policyOf
} from '../../src/proof/policy.ts'
import { judgeCheckpoint, judgeConsistency } from '../../src/proof/trust.ts'
import { ORIGIN, seedOf } from './ledger.ts'
import { treeOf } from './tree.ts'

const log = signerFrom(ORIGIN, ED25519, seedOf('log'))
const successor = signerFrom(ORIGIN, ED25519, seedOf('successor'))
const witnesses = ['X1', 'X2', 'X3', 'Y1', 'Y2', 'Y3'].map((name) =>
  signerFrom(`${name}.example`, COSIGNATURE, seedOf(name)))
const [x1, x2, x3, y1, y2, y3] = witnesses.map(({ key }) => formatVerifierKey(key))
const vkey = formatVerifierKey(log.key)

/** The example of C2SP tlog-policy, with keys. */
const EXAMPLE = `log ${vkey}

witness X1 ${x1}
witness X2 ${x2} https://x2.example/
\twitness  X3\t${x3}
group X-witnesses 2 X1 X2 X3

# The others.
witness Y1 ${y1}
witness Y2 ${y2}
witness Y3 ${y3}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
`
const tree = treeOf(50)

function checkpointText (size: bigint, origin = ORIGIN): string {
  return formatCheckpoint({ origin, size, root: tree.root(size), extensions: [] })
}

function kindsOf (text: string, policy: string): string[] {
  return judgeCheckpoint(text, parsePolicy(policy)).findings.map(({ kind }) => kind)
}

t.test('the example of C2SP tlog-policy means what it says', async (t) => {
  const policy = parsePolicy(EXAMPLE)
  t.equal(policy.logs.length, 1)
  t.equal(policy.witnesses.length, 6)
  t.equal(policy.witnesses[1]?.url, 'https://x2.example/')
  t.strictSame(parsePolicy(formatPolicy(policy)), policy, 'and can be written')
  const meets = (...names: string[]) => meetsQuorum(policy, new Set(names))
  t.ok(meets('X1', 'X3', 'Y2'))
  t.ok(meets('X1', 'X2', 'X3', 'Y1', 'Y2', 'Y3'))
  t.notOk(meets('X1', 'Y1', 'Y2', 'Y3'))
  t.notOk(meets('X1', 'X2', 'X3'))
  t.notOk(meets())
})

t.test('a policy may ask for no witness, or for some of many', async (t) => {
  t.ok(meetsQuorum(parsePolicy('quorum none\n'), new Set()))
  const keys = witnesses.map(({ key }) => key)
  const policy = policyOf([log.key], keys, 2)
  t.strictSame(parsePolicy(formatPolicy(policy)), policy)
  t.ok(meetsQuorum(policy, new Set(['w1', 'w6'])))
  t.notOk(meetsQuorum(policy, new Set(['w1'])))
  t.throws(() => policyOf([log.key], keys, 7), FormatError)
  const renamed = signerFrom('other.example', COSIGNATURE, seedOf('X1'))
  t.throws(() => policyOf([log.key], [...keys.slice(0, 1), renamed.key], 2), FormatError,
    'one witness under two names')
  const many = Array.from({ length: 64 }, (_, at) =>
    signerFrom(`w${at}.example`, COSIGNATURE, seedOf('many', at)).key)
  t.equal(parsePolicy(formatPolicy(policyOf([], many, 64))).witnesses.length, 64)
})

t.test('what is not a policy is refused, with the line', async (t) => {
  for (const [text, message] of [
    ['', 'no quorum'], [`log ${vkey}\n`, 'no quorum'], ['quorum none\nquorum none\n', 'line 2'],
    ['quorum X1\n', 'not defined'], [`quorum X1\nwitness X1 ${x1}\n`, 'line 1'],
    [`log ${vkey}\nlog ${vkey}\nquorum none\n`, 'line 2'], ['logs\nquorum none\n', 'not log'],
    [`witness X1 ${x1}\nwitness X1 ${x2}\nquorum none\n`, 'X1 is taken'],
    [`witness X1 ${x1}\nwitness X2 ${x1}\nquorum none\n`, 'stands there already'],
    [`witness none ${x1}\nquorum none\n`, 'none is taken'], ['log\nquorum none\n', 'nothing after'],
    [`witness X1 ${vkey}\nquorum none\n`, 'not a cosignature key'], ['quorum\n', 'nothing after'],
    [`log ${vkey} ftp://x\nquorum none\n`, 'neither a URL'], ['quorum none none\n', 'too many'],
    [`log ${vkey} size:0-1\nquorum none\n`, 'neither a URL'],
    [`log ${vkey} sizes:5-4\nquorum none\n`, 'sizes: none'],
    [`log ${vkey} sizes:05-7\nquorum none\n`, 'sizes: not a decimal'],
    [`log ${vkey} https://a b\nquorum none\n`, 'too many'],
    [`log ${vkey.replace('A', 'B')}\nquorum none\n`, 'line 1'],
    [`witness X1 ${x1}\ngroup g 0 X1\nquorum g\n`, '0 of 1'],
    [`witness X1 ${x1}\ngroup g 2 X1\nquorum g\n`, '2 of 1'],
    [`witness X1 ${x1}\ngroup g constructor X1\nquorum g\n`, 'threshold'],
    [`witness X1 ${x1}\ngroup g any\nquorum g\n`, 'without members'],
    [`witness X1 ${x1}\ngroup g any none\nquorum g\n`, 'none is not defined'],
    [`witness X1 ${x1}\ngroup g any X1\ngroup h any X1\nquorum g\n`, 'in a group already'],
    [`witness X1 ${x1}\ngroup g any g X1\nquorum g\n`, 'not defined'],
    ['quorum none\r\n', 'control'], ['#\u0000\nquorum none\n', 'control'],
    [`${'#'.repeat(POLICY_LENGTH_MAX)}\nquorum none\n`, 'characters']
  ] as const) {
    t.throws(() => parsePolicy(text), { name: 'FormatError', message: new RegExp(message) }, text)
  }
})

t.test('a checkpoint is trusted if log and quorum signed it', async (t) => {
  const text = checkpointText(20n)
  const plain = await signNote(text, [log])
  const { signatures } = parseNote(plain)
  const cosignatures = await Promise.all(witnesses.map((signer, at) =>
    cosign(text, signer, BigInt(1000 + at))))
  const full = formatNote({ text, signatures: [...signatures, ...cosignatures] })
  const verdict = judgeCheckpoint(full, parsePolicy(EXAMPLE))
  t.strictSame(verdict.findings, [])
  t.strictSame(verdict.cosignatures.map(({ witness, time }) => `${witness} ${time}`),
    ['X1 1000', 'X2 1001', 'X3 1002', 'Y1 1003', 'Y2 1004', 'Y3 1005'])
  t.strictSame(kindsOf(plain, EXAMPLE), ['no-quorum'])
  const repeated = formatNote({
    text, signatures: [...signatures, ...cosignatures.slice(0, 1), ...cosignatures.slice(0, 1)]
  })
  t.strictSame(kindsOf(repeated, EXAMPLE), ['no-quorum'], 'one witness twice is one witness')
  const unsigned = formatNote({ text, signatures: cosignatures })
  t.strictSame(kindsOf(unsigned, EXAMPLE), ['wrong-key'])
  const elsewhere = await Promise.all(witnesses.map((signer) =>
    cosign(checkpointText(21n), signer, 1n)))
  const moved = formatNote({
    text, signatures: [...signatures, ...cosignatures.slice(1), ...elsewhere.slice(0, 1)]
  })
  t.strictSame(kindsOf(moved, EXAMPLE), ['bad-signature'], 'a cosignature of another size')
  t.strictSame(kindsOf('nonsense', EXAMPLE), ['malformed'])
})

t.test('a log signs under its own name only', async (t) => {
  const foreign = checkpointText(20n, 'other.example/log')
  t.strictSame(kindsOf(await signNote(foreign, [log]), `log ${vkey}\nquorum none\n`), ['wrong-key'])
  const elsewhere = signerFrom('other.example/log', ED25519, seedOf('elsewhere'))
  const both = `log ${vkey}\nlog ${formatVerifierKey(elsewhere.key)}\nquorum none\n`
  t.strictSame(kindsOf(await signNote(foreign, [elsewhere]), both), [])
  t.strictSame(kindsOf(await signNote(checkpointText(20n), [elsewhere]), both), ['wrong-key'])
})

t.test('one key may sign several logs, each under its name', async (t) => {
  const epoch = signerFrom(`${ORIGIN}/2`, ED25519, seedOf('log'))
  const both = `log ${vkey}\nlog ${formatVerifierKey(epoch.key)}\nquorum none\n`
  t.strictSame(kindsOf(await signNote(checkpointText(20n, `${ORIGIN}/2`), [epoch]), both), [])
  t.strictSame(kindsOf(await signNote(checkpointText(20n), [log]), both), [])
})

t.test('a rotated key signs the sizes it was trusted with', async (t) => {
  const policy = `log ${vkey} sizes:0-30\nlog ${formatVerifierKey(successor.key)} sizes:30-\n` +
    'quorum none\n'
  t.equal(formatPolicy(parsePolicy(policy)), policy)
  const kinds = async (size: bigint, ...signers: Array<typeof log>) =>
    kindsOf(await signNote(checkpointText(size), signers), policy)
  t.strictSame(await kinds(29n, log), [])
  t.strictSame(await kinds(30n, log, successor), [], 'both sign the one in between')
  t.strictSame(await kinds(31n, successor), [])
  t.strictSame(await kinds(31n, log), ['wrong-key'], 'the old key is retired')
  t.strictSame(await kinds(29n, successor), ['wrong-key'], 'the new one was not yet trusted')
  t.strictSame(await kinds(31n, log, successor), [], 'what else it signs does not matter')
})

t.test('two checkpoints continue each other or not', async (t) => {
  const at = (size: bigint) => ({ origin: ORIGIN, size, root: tree.root(size), extensions: [] })
  const proof = proofFrom(planConsistency(20n, 50n), tree.read)
  const judge = (older: ReturnType<typeof at>, newer: ReturnType<typeof at>, hashes = proof) =>
    judgeConsistency({ older, newer, proof: hashes }).map(({ kind }) => kind)
  t.strictSame(judge(at(20n), at(50n)), [])
  t.strictSame(judge(at(20n), at(20n), []), [])
  t.strictSame(judge(at(50n), at(20n)), ['stale'])
  t.strictSame(judge(at(20n), { ...at(20n), root: at(19n).root }, []), ['forked'])
  t.strictSame(judge(at(21n), at(50n)), ['forked'])
  t.strictSame(judge(at(20n), { ...at(50n), origin: 'other' }), ['foreign'])
})
