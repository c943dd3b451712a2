import { decodeBase64, decodeHash, FormatError, parseDecimal } from './format.ts'

/** A proof that travels alone: C2SP tlog-proof. */
export interface TlogProof {
  index: bigint
  /** From the leaf's sibling up to the root's child. */
  proof: readonly Buffer[]
  /** The signed checkpoint, as the log gave it. */
  checkpoint: string
  /** Not authenticated by itself. Ours hold the leaf data, which its hash authenticates. */
  extra?: Buffer
}

const FIRST_LINE = 'c2sp.org/tlog-proof@v1'
/** A tree of 2^63 leaves needs no more. */
const HASHES_MAX = 63

/** The text of a proof, to be kept in a file `*.tlog-proof`: C2SP tlog-proof, "Format". */
export function formatTlogProof ({ index, proof, checkpoint, extra }: TlogProof): string {
  const lines = [
    FIRST_LINE,
    ...(extra === undefined ? [] : [`extra ${extra.toString('base64')}`]),
    `index ${index}`,
    ...proof.map((node) => node.toString('base64'))
  ]
  return `${lines.join('\n')}\n\n${checkpoint}`
}

/** The proof of a text: C2SP tlog-proof, "Format". Throws FormatError. */
export function parseTlogProof (text: string): TlogProof {
  const split = text.indexOf('\n\n')
  if (split < 0) throw new FormatError('tlog-proof: no checkpoint')
  const [first, ...lines] = text.slice(0, split).split('\n')
  if (first !== FIRST_LINE) throw new FormatError(`tlog-proof: it does not begin ${FIRST_LINE}`)
  const extra = lines[0]?.startsWith('extra ') === true
    ? decodeBase64(lines.shift()?.slice('extra '.length) ?? '', 'tlog-proof: extra')
    : undefined
  const index = lines.shift()
  if (index?.startsWith('index ') !== true) throw new FormatError('tlog-proof: no index')
  if (lines.length > HASHES_MAX) throw new FormatError(`tlog-proof: ${lines.length} hashes`)
  return {
    index: parseDecimal(index.slice('index '.length), 'tlog-proof: index'),
    proof: lines.map((line) => decodeHash(line, 'tlog-proof: hash')),
    checkpoint: text.slice(split + 2),
    ...(extra && { extra })
  }
}
