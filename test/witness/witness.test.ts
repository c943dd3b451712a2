import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { parseNote, parseSignature, verifyNote } from '../../src/proof/note.ts'
import { ED25519, signerFrom } from '../../src/proof/keys.ts'
import { fileLogs } from '../../src/witness/logs.ts'
import { BODY_BYTES_MAX, parseAddCheckpoint, PROOF_LINES_MAX } from '../../src/witness/request.ts'
import { testFolder } from '../helper.ts'
import {
  bodyOf, branches, logSigner, noteOf, ORIGIN, testWitness, witnessIn, witnessSigner
} from './given.ts'
import { killWitnesses } from './killing.ts'

const { honest, other } = branches(40, 10)

t.test('what continues is cosigned, and the cosignature holds', async (t) => {
  const { witness } = await testWitness(t)
  for (const [old, size] of [[0, 1], [1, 7], [7, 8], [8, 8], [8, 40]] as const) {
    const answer = await witness.addCheckpoint(await bodyOf(honest, old, size))
    t.match(answer, { status: 200, type: /^text\/plain/, body: /^— witness\.example\/w1 \S+\n$/ })
    const { text } = parseNote(await noteOf(honest, size))
    const signature = parseSignature(answer.body.trimEnd())
    t.match(verifyNote({ text, signatures: [signature] }, [witnessSigner.key]),
      { verified: [{ time: 1_700_000_000n }], failed: [] })
  }
})

t.test('every refusal is the one of the protocol, and none changes what is known', async (t) => {
  const { witness } = await testWitness(t)
  await witness.addCheckpoint(await bodyOf(honest, 0, 8))
  const stranger = signerFrom(ORIGIN, ED25519, Buffer.alloc(32, 3))
  const good = await noteOf(honest, 20)
  const cases: Array<[string, number, Buffer]> = [
    ['nothing', 400, Buffer.from('')],
    ['no old size', 400, Buffer.from(`\n${good}`)],
    ['an old size in another spelling', 400, Buffer.from(`old 08\n\n${good}`)],
    ['a proof line that is no hash', 400, Buffer.from(`old 8\nAAAA\n\n${good}`)],
    ['bytes that are not UTF-8', 400, Buffer.concat([Buffer.from('old 8\n\n'), Buffer.of(0xff)])],
    ['an old size above the new one', 400, await bodyOf(honest, 8, 7)],
    ['a log nobody knows', 404,
      await bodyOf(honest, 8, 20, await noteOf(honest, 20, logSigner, 'ledger/globex'))],
    ['a key nobody knows', 403, await bodyOf(honest, 8, 20, await noteOf(honest, 20, stranger))],
    ['a signature that fails', 403, await bodyOf(honest, 8, 20, good.replace('\n20\n', '\n21\n'))],
    ['an old size that is not the last', 409, await bodyOf(honest, 7, 20)],
    ['a first request after the first', 409, await bodyOf(honest, 0, 20)],
    ['another tree of the same size', 409,
      await bodyOf(honest, 8, 8, await noteOf(branches(8, 3).other, 8))],
    ['a proof of another tree', 422, await bodyOf(branches(40, 3).other, 8, 20)],
    ['no proof', 422, Buffer.from(`old 8\n\n${good}`)],
    ['a proof for equal sizes', 422,
      Buffer.from(`old 8\n${Buffer.alloc(32).toString('base64')}\n\n${await noteOf(honest, 8)}`)]
  ]
  for (const [name, status, body] of cases) {
    const answer = await witness.addCheckpoint(body)
    t.equal(answer.status, status, name)
    if (status === 409) t.match(answer, { type: 'text/x.tlog.size', body: '8\n' })
  }
  t.equal((await witness.addCheckpoint(await bodyOf(honest, 8, 20))).status, 200)
})

t.test('a first request needs no proof, and takes none', async (t) => {
  const { witness } = await testWitness(t)
  const line = `${Buffer.alloc(32).toString('base64')}\n`
  const body = `old 0\n${line}\n${await noteOf(honest, 5)}`
  t.equal((await witness.addCheckpoint(Buffer.from(body))).status, 422)
})

t.test('the limits of a request are those of the protocol', async (t) => {
  const line = `${Buffer.alloc(32).toString('base64')}\n`
  const note = await noteOf(honest, 20)
  const of = (lines: number) => Buffer.from(`old 1\n${line.repeat(lines)}\n${note}`)
  t.equal(parseAddCheckpoint(of(PROOF_LINES_MAX)).proof.length, PROOF_LINES_MAX)
  t.throws(() => parseAddCheckpoint(of(PROOF_LINES_MAX + 1)), { message: /64 proof lines/ })
  t.ok(of(PROOF_LINES_MAX).length * 10 < BODY_BYTES_MAX)
})

t.test('of many requests at once one gets in, and nothing is rolled back', async (t) => {
  const { witness } = await testWitness(t)
  const sizes = Array.from({ length: 40 }, (_, at) => at + 1)
  const answers = await Promise.all(sizes.flatMap((size) => [honest, other].map(async (tree) =>
    await witness.addCheckpoint(await bodyOf(tree, 0, size)))))
  t.equal(answers.filter(({ status }) => status === 200).length, 1)
  t.equal(answers.filter(({ status }) => status === 409).length, 79)
})

t.test('two processes on one folder never go on from the same checkpoint', async (t) => {
  for (let round = 0; round < 20; round++) {
    const folder = await testFolder(t)
    // Both have read what is remembered before either writes.
    const fault = async (step: string): Promise<void> => {
      if (step === 'checked') await sleep(2)
    }
    const witnesses = [await witnessIn(folder, { fault }), await witnessIn(folder, { fault })]
    for (const [known, size] of [[0, 8], [8, 30 + round % 10]] as const) {
      const answers = await Promise.all([honest, other].map(async (tree, at) =>
        await witnesses[at]?.addCheckpoint(await bodyOf(tree, known, size))))
      t.strictSame(answers.map((answer) => answer?.status).sort(), [200, 409])
    }
    t.equal((await readdir(join(folder, 'logs'))).length, 1)
  }
})

t.test('what was remembered before there were numbers is remembered', async (t) => {
  const { witness, folder } = await testWitness(t)
  await witness.addCheckpoint(await bodyOf(honest, 0, 12))
  const [file = ''] = await readdir(join(folder, 'logs'))
  await rename(join(folder, 'logs', file), join(folder, 'logs', file.replace('.1.', '.')))
  const again = await witnessIn(folder)
  t.match(await again.addCheckpoint(await bodyOf(other, 0, 13)), { status: 409, body: '12\n' })
})

t.test('whatever step fails, no two cosigned trees disagree', async (t) => {
  const folder = await testFolder(t)
  const cosigned: Array<{ tree: typeof honest, size: number }> = []
  const steps = new Set<string>()
  let known = 0
  let [calls, other409] = [0, 0]
  for (let size = 5; size <= 40; size++) {
    // Another process each time, which fails at another step.
    const witness = await witnessIn(folder, {
      fault: (step) => {
        steps.add(step)
        if (++calls % 4 === 0) throw new Error('killed')
      }
    })
    for (const tree of [other, honest]) {
      const ask = async () => await witness.addCheckpoint(await bodyOf(tree, known, size))
      let answer = await ask().catch(() => undefined)
      if (answer?.status === 409) {
        other409++
        known = Number(answer.body)
        answer = known <= size ? await ask().catch(() => undefined) : undefined
      }
      if (answer?.status !== 200) continue
      known = size
      cosigned.push({ tree, size })
    }
  }
  t.strictSame([...steps].sort(), ['checked', 'cosigned', 'remembered'])
  t.ok(cosigned.length > 10 && other409 > 0, `${cosigned.length} cosigned, ${other409} told`)
  const beyond = cosigned.filter(({ size }) => size > 10).map(({ tree }) => tree)
  t.equal(new Set(beyond).size, 1, 'all of one branch')
})

t.test('killed at any step, no two cosigned trees disagree', async (t) => {
  await killWitnesses(t, 1)
})

t.test('a write that was cut off is not what is remembered', async (t) => {
  const { witness, folder } = await testWitness(t)
  await witness.addCheckpoint(await bodyOf(honest, 0, 12))
  const logs = join(folder, 'logs')
  const [file = ''] = await readdir(logs)
  t.equal(await readFile(join(logs, file), 'utf8'), await noteOf(honest, 12))
  await writeFile(join(logs, `${file}.abc.new`), 'half a chec')
  const again = await witnessIn(folder)
  t.strictSame(await readdir(logs), [file])
  t.match(await again.addCheckpoint(await bodyOf(other, 0, 13)), { status: 409, body: '12\n' })
})

t.test('a memory that cannot be read is no empty one', async (t) => {
  const { witness, folder } = await testWitness(t)
  await witness.addCheckpoint(await bodyOf(honest, 0, 12))
  const [file = ''] = await readdir(join(folder, 'logs'))
  for (const text of ['', 'garbage', await noteOf(honest, 12, logSigner, 'ledger/globex')]) {
    await writeFile(join(folder, 'logs', file), text)
    const again = await witnessIn(folder)
    await t.rejects(again.addCheckpoint(await bodyOf(honest, 0, 13)),
      { code: 'INTERNAL', message: /is not the last checkpoint of ledger\/acme/ })
  }
})

t.test('the file of logs is read again when it changes, and bounds are kept', async (t) => {
  const folder = await testFolder(t)
  const file = join(folder, 'logs.txt')
  await mkdir(join(folder, 'logs'))
  const { name, id } = logSigner.key
  const vkey = `${name}+${id}+${
    Buffer.concat([Buffer.of(1), logSigner.key.publicKey]).toString('base64')}`
  await writeFile(file, '# none yet\n')
  const witness = await witnessIn(folder, { logs: await fileLogs(file) })
  t.equal((await witness.addCheckpoint(await bodyOf(honest, 0, 5))).status, 404)
  await writeFile(file, `log ${vkey} sizes:0-20\nquorum none\n`)
  t.equal((await witness.addCheckpoint(await bodyOf(honest, 0, 20))).status, 200)
  t.equal((await witness.addCheckpoint(await bodyOf(honest, 20, 21))).status, 403)
  await writeFile(file, 'log nonsense\n')
  await t.rejects(witness.addCheckpoint(await bodyOf(honest, 20, 20)), { code: 'CONFIG_INVALID' })
})
