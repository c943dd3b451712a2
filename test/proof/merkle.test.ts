import fc from 'fast-check'
import t from 'tap'
import { leafHash } from '../../src/proof/leaf.ts'
import {
  append, EMPTY_FRONTIER, EMPTY_ROOT, frontierNodes, frontierRoot, nodeHash, treeRoot
} from '../../src/proof/merkle.ts'
import {
  planConsistency, planInclusion, planRange, proofFrom, verifyConsistency, verifyInclusion,
  verifyRange
} from '../../src/proof/merkle-proof.ts'
import { referenceProof, referenceRoot, treeOf } from './tree.ts'

const LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657',
  '606162636465666768696a6b6c6d6e6f'].map((hex) => Buffer.from(hex, 'hex').toString('latin1'))
/** The roots of the first n of these leaves, published with RFC 6962's reference code. */
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328'
]
/** Published proofs of that tree: sizes or index and size, and the hashes. */
const CONSISTENCY: Array<[bigint, bigint, string[]]> = [
  [1n, 1n, []],
  [1n, 8n, ['96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
    '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
    '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4']],
  [6n, 8n, ['0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
    'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7']],
  [2n, 5n, ['5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
    'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b']]
]
const INCLUSION: Array<[bigint, bigint, string[]]> = [
  [0n, 8n, ['96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
    '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
    '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4']],
  [5n, 8n, ['bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
    'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
    'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7']]
]

/** RFC 6962's test leaves are bytes; these are all below 0x80. */
const published = treeOf(LEAVES.map(leafHash))

/** Sizes with awkward shapes: around powers of two and of tiles. */
const SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 63, 64, 65, 100, 128, 129, 255, 256, 257, 300]

t.test('the published roots of RFC 6962 come out', async (t) => {
  for (const [size, root] of ROOTS.entries()) {
    t.equal(treeRoot(published.leaves.slice(0, size)).toString('hex'), root, `${size} leaves`)
  }
  t.equal(frontierRoot(EMPTY_FRONTIER), EMPTY_ROOT)
})

t.test('the published proofs of RFC 6962 come out and hold', async (t) => {
  const hex = (hashes: Buffer[]) => hashes.map((hash) => hash.toString('hex'))
  for (const [first, second, want] of CONSISTENCY) {
    const proof = proofFrom(planConsistency(first, second), published.read)
    t.strictSame(hex(proof), want, `from ${first} to ${second}`)
    const [firstRoot, secondRoot] = [published.root(first), published.root(second)]
    t.ok(verifyConsistency({ first, second, firstRoot, secondRoot }, proof))
  }
  for (const [index, size, want] of INCLUSION) {
    const proof = proofFrom(planInclusion(index, size), published.read)
    t.strictSame(hex(proof), want, `leaf ${index} of ${size}`)
    t.ok(verifyInclusion(published.claim(index, size), proof))
  }
})

t.test('appending in any pieces gives the tree that RFC 9162 defines', async (t) => {
  const tree = treeOf(300)
  const roots = Array.from({ length: 301 }, (_, size) => referenceRoot(tree.leaves.slice(0, size)))
  let frontier = EMPTY_FRONTIER
  let wrong = 0
  for (const [size, root] of roots.entries()) {
    if (!frontierRoot(frontier).equals(root)) wrong++
    if (frontier.nodes.length !== frontierNodes(BigInt(size)).length) wrong++
    frontier = append(frontier, tree.leaves.slice(size, size + 1))
  }
  t.equal(wrong, 0)
  fc.assert(fc.property(fc.array(fc.nat(40), { maxLength: 7 }), (pieces) => {
    let [at, frontier] = [0, EMPTY_FRONTIER]
    for (const piece of pieces) {
      frontier = append(frontier, tree.leaves.slice(at, at + piece))
      at += piece
    }
    return frontierRoot(frontier).equals(roots[at] ?? EMPTY_ROOT) && frontier.size === BigInt(at)
  }))
})

t.test('a frontier can be read back from the nodes that were completed', async (t) => {
  const { leaves, read } = treeOf(257)
  for (const size of SIZES.filter((size) => size <= 257)) {
    const { nodes } = append(EMPTY_FRONTIER, leaves.slice(0, size))
    t.strictSame(frontierNodes(BigInt(size)).map(read), nodes, `${size} leaves`)
  }
  t.throws(() => append({ size: 3n, nodes: nodesOf(1) }, []), RangeError)
})

t.test('every leaf of every tree up to 300 leaves has the proof of RFC 9162', async (t) => {
  const tree = treeOf(300)
  let [proofs, wrong] = [0, 0]
  for (let size = 1n; size <= 300n; size++) {
    for (let index = 0n; index < size; index++) {
      const proof = proofFrom(planInclusion(index, size), tree.read)
      if (!verifyInclusion(tree.claim(index, size), proof)) wrong++
      proofs++
    }
  }
  t.strictSame({ proofs, wrong }, { proofs: 45_150, wrong: 0 })
  for (const size of SIZES) {
    for (const index of new Set([0, 1, size >> 1, size - 2, size - 1].filter((at) => at >= 0))) {
      if (index >= size) continue
      const want = referenceProof(index, tree.leaves.slice(0, size))
      t.strictSame(proofFrom(planInclusion(BigInt(index), BigInt(size)), tree.read), want)
    }
  }
})

t.test('every pair of trees up to 300 leaves has a consistency proof', async (t) => {
  const tree = treeOf(300)
  let [proofs, wrong, long] = [0, 0, 0]
  for (let second = 0n; second <= 300n; second++) {
    for (let first = 0n; first <= second; first++) {
      const proof = proofFrom(planConsistency(first, second), tree.read)
      const [firstRoot, secondRoot] = [tree.root(first), tree.root(second)]
      if (!verifyConsistency({ first, second, firstRoot, secondRoot }, proof)) wrong++
      if (proof.length > 10) long++
      proofs++
    }
  }
  t.strictSame({ proofs, wrong, long }, { proofs: 45_451, wrong: 0, long: 0 })
})

t.test('large trees have proofs, too', async (t) => {
  const tree = treeOf(10_000)
  const sizes = fc.tuple(fc.integer({ min: 1, max: 10_000 }), fc.nat()).map(([size, at]) =>
    ({ size: BigInt(size), index: BigInt(at % size) }))
  fc.assert(fc.property(sizes, ({ size, index }) => {
    const inclusion = proofFrom(planInclusion(index, size), tree.read)
    const consistency = proofFrom(planConsistency(index, size), tree.read)
    const roots = { firstRoot: tree.root(index), secondRoot: tree.root(size) }
    return verifyInclusion(tree.claim(index, size), inclusion) &&
      verifyConsistency({ first: index, second: size, ...roots }, consistency)
  }), { numRuns: 200 })
})

t.test('neighbouring leaves are proven together, with every hash needed', async (t) => {
  const tree = treeOf(1000)
  const ranges = fc.tuple(fc.integer({ min: 1, max: 1000 }), fc.nat(), fc.nat())
    .map(([size, a, b]) => {
      const from = a % size
      return { size: BigInt(size), from: BigInt(from), to: BigInt(from + 1 + b % (size - from)) }
    })
  fc.assert(fc.property(ranges, fc.nat(), fc.nat(255), (range, at, bit) => {
    const leaves = tree.leaves.slice(Number(range.from), Number(range.to))
    const proof = proofFrom(planRange(range), tree.read)
    const root = tree.root(range.size)
    const holds = (leaves: Buffer[], proof: Buffer[]) => verifyRange(range, leaves, proof, root)
    const broken = flipOne(proof, at, bit)
    return holds(leaves, proof) && !holds(leaves, [...proof, root]) &&
      !holds(leaves, proof.slice(1).concat(proof.length === 0 ? [root] : [])) &&
      !holds(flipOne(leaves, at, bit), proof) && !holds(leaves.slice(1), proof) &&
      (proof.length === 0 || !holds(leaves, broken)) &&
      !verifyRange(range, leaves, proof, flip(root, bit))
  }), { numRuns: 300 })
  t.throws(() => planRange({ from: 3n, to: 3n, size: 5n }), RangeError)
  t.throws(() => planRange({ from: 3n, to: 6n, size: 5n }), RangeError)
})

t.test('one leaf needs the same hashes in a range proof as in an inclusion proof', async (t) => {
  for (const [index, size] of [[0n, 1n], [4n, 7n], [6n, 7n], [99n, 300n]] as const) {
    const key = (nodes: unknown) => JSON.stringify(nodes, (_, value: unknown) =>
      typeof value === 'bigint' ? `${value}` : value)
    t.strictSame(planRange({ from: index, to: index + 1n, size }).map(key).sort(),
      planInclusion(index, size).map(key).sort(), `leaf ${index} of ${size}`)
  }
})

t.test('every change to an inclusion proof or its claim is refused', async (t) => {
  const tree = treeOf(300)
  let [tried, accepted] = [0, 0]
  const refuse = (holds: boolean) => { tried++; if (holds) accepted++ }
  for (const size of SIZES) {
    for (const index of new Set([0, size >> 1, size - 1])) {
      const claim = tree.claim(BigInt(index), BigInt(size))
      const proof = proofFrom(planInclusion(claim.index, claim.size), tree.read)
      for (let bit = 0; bit < 256; bit++) {
        refuse(verifyInclusion({ ...claim, root: flip(claim.root, bit) }, proof))
        refuse(verifyInclusion({ ...claim, leafHash: flip(claim.leafHash, bit) }, proof))
        if (bit % 8 === size % 8) {
          proof.forEach((_, at) => refuse(verifyInclusion(claim, flipOne(proof, at, bit))))
        }
      }
      for (const other of elementChanges(proof, claim.root)) refuse(verifyInclusion(claim, other))
      for (let other = -1n; other <= BigInt(size); other++) {
        if (other !== claim.index) refuse(verifyInclusion({ ...claim, index: other }, proof))
      }
      for (const other of [-1n, 0n, claim.index, claim.index + 2n ** 40n]) {
        if (other !== claim.size) refuse(verifyInclusion({ ...claim, size: other }, proof))
      }
    }
  }
  t.ok(tried > 30_000, `${tried} changes`)
  t.equal(accepted, 0)
})

t.test('a size that gives a leaf another path is refused', async (t) => {
  const tree = treeOf(64)
  for (let size = 1n; size <= 64n; size++) {
    for (let other = 1n; other <= 64n; other++) {
      const claim = { ...tree.claim(size - 1n, size), size: other }
      const proof = proofFrom(planInclusion(size - 1n, size), tree.read)
      if (other !== size && verifyInclusion(claim, proof)) t.fail(`${size} passed for ${other}`)
    }
  }
})

t.test('every change to a consistency proof or its claim is refused', async (t) => {
  const tree = treeOf(300)
  let [tried, accepted] = [0, 0]
  const refuse = (holds: boolean) => { tried++; if (holds) accepted++ }
  for (const second of SIZES) {
    for (const first of new Set([1, second >> 1, second - 1, second])) {
      if (first < 1) continue
      const claim = {
        first: BigInt(first),
        second: BigInt(second),
        firstRoot: tree.root(BigInt(first)),
        secondRoot: tree.root(BigInt(second))
      }
      const proof = proofFrom(planConsistency(claim.first, claim.second), tree.read)
      for (let bit = 0; bit < 256; bit++) {
        refuse(verifyConsistency({ ...claim, firstRoot: flip(claim.firstRoot, bit) }, proof))
        refuse(verifyConsistency({ ...claim, secondRoot: flip(claim.secondRoot, bit) }, proof))
        if (bit % 8 === second % 8) {
          proof.forEach((_, at) => refuse(verifyConsistency(claim, flipOne(proof, at, bit))))
        }
      }
      for (const other of elementChanges(proof, claim.secondRoot)) {
        refuse(verifyConsistency(claim, other))
      }
      if (first !== second) {
        const swapped = { firstRoot: claim.secondRoot, secondRoot: claim.firstRoot }
        refuse(verifyConsistency({ ...claim, ...swapped }, proof))
        refuse(verifyConsistency({ ...claim, first: claim.second, second: claim.first }, proof))
      }
    }
  }
  t.ok(tried > 30_000, `${tried} changes`)
  t.equal(accepted, 0)
})

t.test('no tree, no leaf and no node are refused', async (t) => {
  const tree = treeOf(3)
  const [root, empty] = [tree.root(3n), EMPTY_ROOT]
  const grow = { first: 0n, second: 3n, firstRoot: empty, secondRoot: root }
  t.ok(verifyConsistency(grow, []), 'every tree began as the empty one')
  t.notOk(verifyConsistency({ ...grow, firstRoot: root }, []), 'which has one root only')
  t.notOk(verifyConsistency(grow, [root]), 'and needs no proof')
  t.notOk(verifyInclusion({ index: 0n, size: 0n, leafHash: empty, root: empty }, []))
  t.throws(() => planInclusion(0n, 0n), RangeError)
  t.throws(() => planConsistency(4n, 3n), RangeError)
  t.throws(() => nodeHash(root, root.subarray(1)), RangeError)
})

function nodesOf (count: number): Buffer[] {
  return treeOf(count).leaves
}

function flip (hash: Buffer, bit: number): Buffer {
  const copy = Buffer.from(hash)
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return copy
}

function flipOne (hashes: readonly Buffer[], at: number, bit: number): Buffer[] {
  return hashes.map((hash, other) => other === at % hashes.length ? flip(hash, bit) : hash)
}

/** Padded, shortened, reordered, doubled. */
function elementChanges (proof: readonly Buffer[], root: Buffer): Buffer[][] {
  const changes = [[root, ...proof], [...proof, root], [...proof, EMPTY_ROOT]]
  proof.forEach((hash, at) => {
    changes.push(proof.filter((_, other) => other !== at))
    changes.push([...proof.slice(0, at), hash, ...proof.slice(at)])
    const before = proof[at - 1]
    if (before !== undefined) {
      changes.push([...proof.slice(0, at - 1), hash, before, ...proof.slice(at + 1)])
    }
  })
  return changes
}
