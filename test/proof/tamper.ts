import { leafHash } from '../../src/proof/leaf.ts'
import { formatNote, parseNote } from '../../src/proof/note.ts'
import {
  edit, flip, foreignSignature, invented, isLeaf, move, note, order, pick, remove, renumber,
  rewritten, run, seal, streamLines, swap, tampering, withoutWitness, type Tampering
} from './forge.ts'

/**
 * What someone without the keys can do to a bundle, who knows the format and makes counts, digest
 * and stated hashes fit again unless it says `carelessly`; and some who have a key.
 */
export const TAMPERINGS: readonly Tampering[] = [
  tampering('payload changed carelessly', ['tampered'], ({ lines, leaf }) =>
    edit(lines, leaf, (text) => text.replace('"paid"', '"owed"'), false)),
  tampering('payload changed', ['bad-proof'], ({ lines, leaf }) =>
    edit(lines, leaf, (text) => text.replace('"paid"', '"owed"'))),
  tampering('whitespace added', ['malformed'], ({ lines, leaf }) =>
    edit(lines, leaf, (text) => text.replace('{"data"', '{ "data"'))),
  tampering('members in another order', ['malformed'], ({ lines, leaf }) =>
    edit(lines, leaf, (text) => text.replace('"tenant":"acme","v":1', '"v":1,"tenant":"acme"'))),
  tampering('a member doubled', ['malformed'], ({ lines, leaf }) =>
    edit(lines, leaf, (text) => text.replace('"v":1', '"v":1,"v":1'))),
  tampering('time changed', ['bad-proof'], ({ lines, leaf }) =>
    edit(lines, leaf, (text) => text.replace('T00:', 'T01:'))),
  tampering('action changed', ['bad-proof'], ({ lines, leaf }) =>
    edit(lines, leaf, (text) => text.replace('order.updated', 'order.created'))),
  tampering('revision changed', ['bad-proof'], ({ lines, leaf }) =>
    edit(lines, leaf, (text) => text.replace(/"revision":"(\d+)"/, '"revision":"1$1"'))),
  tampering('sealed section swapped', ['bad-proof'], ({ lines, leaf }) =>
    edit(lines, leaf, (text) => text.includes('"sealed"')
      ? text.replace('"ct":"AAAA"', '"ct":"BBBB"')
      : text.replace('"tenant"', '"sealed":[{"ref":"x","paths":[],"commit":""}],"tenant"'))),
  tampering('leaf dropped', ['missing'], ({ lines, leaf }) => remove(lines, leaf)),
  tampering('leaf dropped, the others moved up', ['bad-proof', 'missing'], ({ lines, leaf }) =>
    renumber(remove(lines, leaf))),
  tampering('leaves in another order', ['reordered'], ({ lines, leaf, other }) =>
    swap(lines, leaf, other)),
  tampering('leaves exchanged', ['bad-proof'], ({ lines, leaf, other }) =>
    renumber(swap(lines, leaf, other))),
  tampering('leaf inserted', ['bad-proof'], ({ lines, leaf }) =>
    renumber(lines.flatMap((line) => line === leaf ? [invented(leaf), leaf] : [line]))),
  tampering('leaf doubled', ['duplicated'], ({ lines, leaf }) =>
    lines.flatMap((line) => line === leaf ? [leaf, leaf] : [line])),
  tampering('run doubled', ['duplicated', 'reordered'], ({ lines }) => {
    const at = lines.findIndex(({ kind }) => kind === 'run')
    const next = lines.findIndex(({ kind }, index) =>
      index > at && (kind === 'run' || kind === 'end'))
    return [...lines.slice(0, next), ...lines.slice(at, next), ...lines.slice(next)]
  }),
  {
    name: 'tail cut',
    faults: ['truncated'],
    forge: ({ text, random }) => ({ text: text.slice(0, -2 - random(text.length >> 1)) })
  },
  tampering('tail cut, new last line', ['missing'], ({ lines, leaf }) =>
    [...lines.slice(0, lines.indexOf(leaf)), ...lines.slice(-1)]),
  tampering('head cut', ['truncated'], ({ lines }) => lines.slice(1)),
  tampering('checkpoint cut', ['missing'], ({ lines }) =>
    lines.filter(({ kind }) => kind !== 'checkpoint')),
  {
    name: 'older checkpoint replayed',
    faults: ['stale'],
    forge: async ({ ledger, random }) => ({
      text: await ledger.bundle({ size: 1 + random(ledger.leaves.length - 1) }),
      options: { kept: await ledger.checkpoint() }
    })
  },
  {
    name: 'history rewritten with the keys of log and witness',
    faults: ['forked'],
    forge: async (scene) => ({
      text: await rewritten(scene),
      options: { kept: await scene.ledger.checkpoint(scene.ledger.leaves.length - 1) }
    })
  },
  {
    name: 'history rewritten with the key of the log',
    faults: ['no-quorum', 'bad-signature'],
    forge: async (scene) => ({ text: withoutWitness(await rewritten(scene)) })
  },
  note('foreign key of the same name and id', ['bad-signature'], async (text, scene) => {
    const { text: body, signatures } = parseNote(text)
    const foreign = await foreignSignature(body, scene)
    return formatNote({
      text: body,
      signatures: signatures.map((line, at) =>
        at === 0 ? { ...line, signature: foreign.signature } : line)
    })
  }),
  note('foreign key of the same name', ['wrong-key'], async (text, scene) => {
    const { text: body, signatures } = parseNote(text)
    const foreign = await foreignSignature(body, scene)
    return formatNote({ text: body, signatures: [foreign, ...signatures.slice(1)] })
  }),
  note('signature changed', ['bad-signature'], (text, { random }) => {
    const { text: body, signatures } = parseNote(text)
    const victim = random(signatures.length)
    return formatNote({
      text: body,
      signatures: signatures.map((line, at) =>
        at === victim ? { ...line, signature: flip(line.signature, random) } : line)
    })
  }),
  note('root changed', ['bad-signature'], (text, { ledger, random }) => {
    const { text: body, signatures } = parseNote(text)
    const [origin, size, root = ''] = body.split('\n')
    const other = flip(Buffer.from(root, 'base64'), random).toString('base64')
    return formatNote({ text: [origin, size, other, ''].join('\n'), signatures })
  }),
  note('cosignature removed', ['no-quorum'], (text) => withoutWitness(text)),
  run('proof of other leaves', ['bad-proof'], (run, runs) =>
    ({ ...run, proof: runs.find((other) => other !== run)?.proof ?? [leafHash('x')] })),
  run('proof padded', ['bad-proof'], (run, _, random) =>
    ({ ...run, proof: run.proof.toSpliced(random(run.proof.length + 1), 0, leafHash('x')) })),
  run('proof shortened', ['bad-proof'], (run, _, random) =>
    ({ ...run, proof: run.proof.toSpliced(random(run.proof.length), 1) })),
  run('proof changed', ['bad-proof'], (run, _, random) => ({
    ...run, proof: run.proof.with(random(run.proof.length), leafHash('x'))
  })),
  tampering('stated hash changed', ['tampered'], ({ lines, leaf }) =>
    lines.map((line) => line === leaf ? { ...leaf, hash: leafHash('x') } : line)),
  tampering('shown personal data changed', ['bad-opening'], ({ lines }) =>
    lines.map((line) => line.kind === 'opening'
      ? { ...line, opening: { ...line.opening, plain: { '/context/ip': '192.0.2.2' } } }
      : line)),
  tampering('all that follows a leaf cut, a smaller range claimed', ['tampered'],
    ({ lines, leaf }) => {
      const runs = lines.findLastIndex(({ kind }) => kind === 'run')
      const cut = runs > 0 ? lines.slice(0, runs) : lines
      return [...cut, ...lines.slice(-1)].map((line) => line.kind === 'manifest'
        ? { ...line, manifest: { ...line.manifest, scope: { type: 'filter', filter: leaf.leaf } } }
        : line)
    }, true),
  order('invented leaf in a run above the checkpoint', ['malformed'], (lines) => {
    const [first, second, third] = lines.flatMap(({ kind }, at) => kind === 'run' ? [at] : [])
    const forged = lines.slice(first, second).map((line) => isLeaf(line) ? invented(line) : line)
    return [...lines.slice(0, 1), ...forged, ...lines.slice(second, third),
      ...lines.slice(1, first), ...lines.slice(third)]
  }),
  order('checkpoint moved below runs', ['malformed'], (lines, random) =>
    move(lines, 'checkpoint', 3 + random(lines.length - 4))),
  order('earlier checkpoint moved below runs', ['malformed'], (lines, random) =>
    move(lines, 'older', 3 + random(lines.length - 4))),
  order('checkpoint repeated below runs', ['malformed'], (lines, random) =>
    lines.toSpliced(3 + random(lines.length - 3), 0, ...lines.slice(1, 2))),
  order('two lines exchanged', [
    'malformed', 'truncated', 'reordered', 'duplicated', 'missing', 'bad-opening'
  ], (lines, random) => {
    const last = lines.length - 1
    const at = random(last - 1)
    const other = at + 1 + random(last - 1 - at)
    return lines.map((line, index) =>
      lines[index === at ? other : index === other ? at : index] ?? line)
  }),
  order('runs in another order', ['reordered'], (lines) => {
    const [first, second] = lines.flatMap(({ kind }, at) => kind === 'run' ? [at] : [])
    return [...lines.slice(0, first), ...lines.slice(second, -1), ...lines.slice(first, second),
      ...lines.slice(-1)]
  }),
  {
    name: 'revision dropped from a stream',
    faults: ['missing'],
    forge: async ({ ledger, random }) => {
      const lines = await streamLines(ledger)
      const leaf = pick(lines.filter(isLeaf), random)
      const at = lines.indexOf(leaf)
      const run = lines[at - 1]
      const single = run?.kind === 'run' && run.to - run.from === 1n
      return { text: seal(lines.filter((line) => line !== leaf && !(single && line === run))) }
    }
  }
]
