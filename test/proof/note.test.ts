import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { packageFile } from '../../src/paths.ts'
import { formatCheckpoint, parseCheckpoint } from '../../src/proof/checkpoint.ts'
import { FormatError } from '../../src/proof/format.ts'
import {
  COSIGNATURE, ED25519, formatVerifierKey, isKeyName, parseSigner, parseVerifierKey, signerFrom,
  verifierKey
} from '../../src/proof/keys.ts'
import { EMPTY_ROOT } from '../../src/proof/merkle.ts'
import {
  cosign, formatNote, formatSignature, parseNote, parseSignature, signNote, SIGNATURES_MAX,
  verifyNote
} from '../../src/proof/note.ts'
import { seedOf } from './ledger.ts'

/** The example of C2SP signed-note. */
const FOO_KEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
const FOO_NOTE = 'This is an example message.\n\n\u2014 example.com/foo ' +
  'Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n'

/** The example of Go's note package: a private key, so that signing is checked, too. */
const PETER = 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz'
const PETER_KEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
const PETER_TEXT = 'If you think cryptography is the answer to your problem,\n' +
  "then you don't know what your problem is.\n"
const PETER_NOTE = `${PETER_TEXT}\n\u2014 PeterNeumann ` +
  'x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n'
const ENOCH_KEY = 'EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop'
const ENOCH_LINE = '\u2014 EnochRoot ' +
  'rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n'

/** A checkpoint of a public log, signed by it in two ways and cosigned by four witnesses. */
const ARCHE = readFileSync(
  packageFile('test/fixtures/proof/arche2025h1.checkpoint'), 'utf8')
const ARCHE_KEY = 'arche2025h1.staging.ct.transparency.dev+ba2f06c0+' +
  'AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f'
const REMORA_KEY = 'remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2'

t.test('the example of C2SP signed-note verifies', async (t) => {
  const key = parseVerifierKey(FOO_KEY)
  t.equal(formatVerifierKey(key), FOO_KEY)
  const note = parseNote(FOO_NOTE)
  t.equal(note.text, 'This is an example message.\n')
  t.equal(formatNote(note), FOO_NOTE)
  const { verified, failed, unknown } = verifyNote(note, [key])
  t.strictSame({ verified, failed, unknown },
    { verified: [{ key, time: undefined }], failed: [], unknown: [] })
})

t.test('signing with the published private key gives the published note', async (t) => {
  const signer = parseSigner(PETER)
  t.equal(formatVerifierKey(signer.key), PETER_KEY)
  t.equal(await signNote(PETER_TEXT, [signer]), PETER_NOTE)
  const both = parseNote(PETER_NOTE + ENOCH_LINE)
  const keys = [PETER_KEY, ENOCH_KEY].map(parseVerifierKey)
  t.equal(verifyNote(both, keys).verified.length, 2)
  t.equal(verifyNote(both, keys.slice(1)).unknown.length, 1, 'an unknown signature is ignored')
})

t.test('a real checkpoint and a real cosignature verify', async (t) => {
  const note = parseNote(ARCHE)
  const keys = [ARCHE_KEY, REMORA_KEY].map(parseVerifierKey)
  const { verified, failed, unknown } = verifyNote(note, keys)
  t.strictSame(verified.map(({ key, time }) => [key.name, time]), [
    ['arche2025h1.staging.ct.transparency.dev', undefined], ['remora.n621.de', 1_779_573_024n]
  ])
  t.equal(failed.length, 0)
  t.equal(unknown.length, 4)
  const { origin, size } = parseCheckpoint(note.text)
  t.strictSame({ origin, size }, { origin: keys[0]?.name, size: 1_432_088_532n })
  const other = { ...note, text: note.text.replace('1432088532', '1432088533') }
  t.strictSame(verifyNote(other, keys).verified, [])
  t.equal(verifyNote(other, keys).failed.length, 2)
})

t.test('every bit of text and signature counts', async (t) => {
  const key = parseVerifierKey(FOO_KEY)
  const note = parseNote(FOO_NOTE)
  const [line] = note.signatures
  if (line === undefined) throw new Error('no signature')
  let accepted = 0
  for (let bit = 0; bit < 64 * 8; bit++) {
    const signature = Buffer.from(line.signature)
    signature[bit >> 3] = (signature[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    const { verified } = verifyNote({ ...note, signatures: [{ ...line, signature }] }, [key])
    accepted += verified.length
  }
  for (let at = 0; at < note.text.length - 1; at++) {
    const text = `${note.text.slice(0, at)}#${note.text.slice(at + 1)}`
    accepted += verifyNote({ ...note, text }, [key]).verified.length
  }
  const longer = Buffer.concat([line.signature, line.signature])
  for (const signature of [line.signature.subarray(1), longer]) {
    accepted += verifyNote({ ...note, signatures: [{ ...line, signature }] }, [key]).verified.length
  }
  t.equal(accepted, 0)
})

t.test('a key with the same name or the same id, not both, is another key', async (t) => {
  const note = parseNote(FOO_NOTE)
  const key = parseVerifierKey(FOO_KEY)
  for (const other of [{ ...key, id: '530d903b' }, { ...key, name: 'example.com/bar' }]) {
    const { verified, failed, unknown } = verifyNote(note, [other])
    t.strictSame([verified.length, failed.length, unknown.length], [0, 0, 1])
  }
  const impostor = { ...parseVerifierKey(PETER_KEY), name: key.name, id: key.id }
  t.equal(verifyNote(note, [impostor]).failed.length, 1)
  t.equal(verifyNote(note, [impostor, key]).verified.length, 1, 'two keys with one id')
})

t.test('keys of any name and seed can be written and read', async (t) => {
  const names = fc.string({ minLength: 1, unit: 'grapheme' }).filter(isKeyName)
  const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 })
  await fc.assert(fc.asyncProperty(names, seeds, fc.string(), async (name, seed, text) => {
    const signer = signerFrom(name, ED25519, Buffer.from(seed))
    const key = parseVerifierKey(formatVerifierKey(signer.key))
    const body = `${text.replace(/[\p{Cc}\p{Cs}]/gu, '')}\n`
    const note = parseNote(await signNote(body, [parseSigner(signer.text)]))
    return note.text === body && verifyNote(note, [key]).verified.length === 1
  }), { numRuns: 50 })
})

t.test('what is not a key is refused, and a private key is never quoted', async (t) => {
  const secret = PETER.slice(-20)
  for (const text of [
    '', 'a', 'a+b', FOO_KEY.replace('530d903a', '530d903b'), FOO_KEY.replace('530d', '530D'),
    FOO_KEY.replace('example.com/foo', 'example.com/fo o'), FOO_KEY.slice(0, -1), `${FOO_KEY}=`,
    FOO_KEY.replace('+Aek', '+Bek'), FOO_KEY.replace('+Aek', '+Agk'),
    `+530d903a+${FOO_KEY.slice(25)}`
  ]) t.throws(() => parseVerifierKey(text), FormatError, text)
  for (const text of [PETER_KEY, PETER.replace('c74f20a3', 'c74f20a4'), PETER.slice(0, -4)]) {
    try {
      parseSigner(text)
      t.fail(text)
    } catch (err) {
      t.ok(err instanceof FormatError && !err.message.includes(secret), String(err))
    }
  }
  t.throws(() => signerFrom('x', ED25519, Buffer.alloc(31)), FormatError)
  for (const name of ['', 'a b', 'a+b', 'a\u00a0b', 'a\u3000b', 'a\nb', 'a\u0085b', '\ud800']) {
    t.notOk(isKeyName(name), JSON.stringify(name))
    t.throws(() => verifierKey(name, ED25519, Buffer.alloc(32)), FormatError)
  }
})

t.test('what is not a note is refused', async (t) => {
  const line = FOO_NOTE.slice(FOO_NOTE.indexOf('\u2014'))
  for (const note of [
    '', '\n', 'text\n', `text\n${line}`, `text\n\n${line}x`, FOO_NOTE.slice(0, -1),
    `text\n\n\n${line}\n`,
    `text\n\n${line.replace('\u2014', '-')}`, `text\n\n${line.replace('foo ', 'foo  ')}`,
    `text\n\n${line.replace('foo', 'f+o')}`, `text\n\n${line.replace('=\n', '\n')}`,
    `te\txt\n\n${line}`, `te\rxt\n\n${line}`, `te\ud800xt\n\n${line}`,
    `text\n\n${line.replace('\n', '\r\n')}`,
    'text\n\n\u2014 a AAAAAA==\n', `text\n\n${line.repeat(SIGNATURES_MAX + 1)}`,
    `${'x'.repeat(1_000_000)}\n\n${line}`
  ]) t.throws(() => parseNote(note), FormatError, note.slice(0, 60))
  t.equal(parseNote(`text\n\n${line.repeat(SIGNATURES_MAX)}`).signatures.length, SIGNATURES_MAX)
  const { text } = parseNote(`\n\nempty\n\nlines\n\n${line}`)
  t.equal(text, '\n\nempty\n\nlines\n', 'the last empty line is where the text ends')
  const signer = parseSigner(PETER)
  await t.rejects(signNote('no newline', [signer]), FormatError)
  await t.rejects(signNote('a\tb\n', [signer]), FormatError)
})

t.test('a cosignature is bound to its time and its key', async (t) => {
  const witness = signerFrom('witness.example/w1', COSIGNATURE, seedOf('w'))
  const text = 'example.com/log\n5\nf+7CoKgXKE/tNys9TTXcr/ad6U/K3xvznmzew9y6SP0=\n'
  const line = await cosign(text, witness, 1_679_315_147n)
  t.strictSame(parseSignature(formatSignature(line).trimEnd()), line)
  const verify = (signature: Buffer) =>
    verifyNote({ text, signatures: [{ ...line, signature }] }, [witness.key])
  t.strictSame(verify(line.signature).verified, [{ key: witness.key, time: 1_679_315_147n }])
  for (const at of [7, 8, 71]) {
    const other = Buffer.from(line.signature)
    other[at] = (other[at] ?? 0) ^ 1
    t.strictSame(verify(other).failed, [witness.key], `byte ${at}`)
  }
  t.equal(verify(line.signature.subarray(8)).failed.length, 1)
  const plain = signerFrom('log.example', ED25519, seedOf('w'))
  await t.rejects(cosign(text, plain, 1n), TypeError)
  await t.rejects(signNote(text, [witness]), TypeError)
  await t.rejects(cosign(text, witness, -1n), FormatError)
  await t.rejects(cosign(text, witness, 2n ** 63n), FormatError)
  const late = Buffer.from('8000000000000000', 'hex')
  const message = Buffer.from(`cosignature/v1\ntime ${2n ** 63n}\n${text}`)
  const signature = Buffer.concat([late, await witness.sign(message)])
  t.equal(verify(signature).failed.length, 1, 'no time is above 2^63 - 1')
})

t.test('checkpoints have one form only', async (t) => {
  const root = Buffer.alloc(32, 9)
  const checkpoint = { origin: 'example.com/log', size: 3n, root, extensions: ['more'] }
  const text = formatCheckpoint(checkpoint)
  t.equal(text, `example.com/log\n3\n${root.toString('base64')}\nmore\n`)
  t.strictSame(parseCheckpoint(text), checkpoint)
  for (const other of [
    '', 'a\n3\n', text.slice(0, -1), `\n${text}`, text.replace('more', ''), text.replace('3', '03'),
    text.replace('3', '+3'), text.replace('3', '3.0'), text.replace('3', '-3'),
    text.replace('3', ''),
    text.replace('\n3\n', '\n0\n'), text.replace('\n3\n', `\n${2n ** 63n}\n`),
    text.replace('=', ''), text.replace('CQkJCQ', 'CQkJ'), text.replace('example.com/log', '')
  ]) t.throws(() => parseCheckpoint(other), FormatError, other)
  const empty = { origin: 'a', size: 0n, root: EMPTY_ROOT, extensions: [] }
  t.strictSame(parseCheckpoint(formatCheckpoint(empty)), empty)
  for (const wrong of [{ origin: '' }, { origin: 'a\nb' }, { extensions: [''] }, { size: -1n },
    { root: Buffer.alloc(31) }]) {
    t.throws(() => formatCheckpoint({ ...checkpoint, ...wrong }), FormatError)
  }
})
