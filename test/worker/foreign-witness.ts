import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** Another implementation of the text protocol, which shares no code with ours. */
export interface ForeignWitness {
  vkey: string
  url: string
  /** Origin -> the size and root it has cosigned last. */
  seen: Map<string, { size: number, root: string }>
  /** How it behaves instead; undefined: as it should. */
  behave: 'away' | 'hang' | 'garbage' | 'forbid' | undefined
  requests: number
}

const DASH = '\u2014'

/** Splits the request at its first empty line and knows no other rule of the format. */
function read (body: string) {
  const [head = '', ...rest] = body.split('\n\n')
  const [old = '', ...proof] = head.split('\n')
  const text = `${rest[0]}\n`
  const [origin = '', size = '', root = ''] = text.split('\n')
  return { old: Number(old.slice(4)), proof, text, origin, size: Number(size), root }
}

const sha = (...parts: Buffer[]): Buffer =>
  createHash('sha256').update(Buffer.concat(parts)).digest()
const pair = (left: Buffer, right: Buffer): Buffer => sha(Buffer.of(1), left, right)

/**
 * PROOF of RFC 6962 section 2.1.2, folded back recursively: [old root, new root]. `known`: the old
 * root, while the part that is looked at begins with it.
 */
function fold (m: number, n: number, proof: Buffer[], known: Buffer | undefined): Buffer[] {
  if (m === n) {
    const node = known ?? proof.pop() ?? Buffer.alloc(32)
    return [node, node]
  }
  let k = 1
  while (k * 2 < n) k *= 2
  const sibling = proof.pop() ?? Buffer.alloc(32)
  if (m <= k) {
    const [old = sibling, now = sibling] = fold(m, k, proof, known)
    return [old, pair(now, sibling)]
  }
  const [old = sibling, now = sibling] = fold(m - k, n - k, proof, undefined)
  return [pair(sibling, old), pair(sibling, now)]
}

export async function foreignWitness (t: Test, name: string): Promise<ForeignWitness> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const raw = Buffer.concat([
    Buffer.of(4), Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')
  ])
  const id = sha(Buffer.from(`${name}\n`), raw).subarray(0, 4)
  const cosign = (text: string): string => {
    const time = Math.floor(Date.now() / 1000)
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64BE(BigInt(time))
    const message = Buffer.from(`cosignature/v1\ntime ${time}\n${text}`)
    const signature = Buffer.concat([id, bytes, sign(null, message, privateKey)])
    return `${DASH} ${name} ${signature.toString('base64')}\n`
  }
  const seen: ForeignWitness['seen'] = new Map()
  const decide = (body: string): { status: number, text: string } => {
    const { old, proof, text, origin, size, root } = read(body)
    const last = seen.get(origin) ?? { size: 0, root: '' }
    if (old > size) return { status: 400, text: 'old\n' }
    if (old !== last.size || (size === old && size > 0 && root !== last.root)) {
      return { status: 409, text: `${last.size}\n` }
    }
    if (old > 0 && old < size) {
      const hashes = proof.map((line) => Buffer.from(line, 'base64'))
      const before = Buffer.from(last.root, 'base64')
      const roots = fold(old, size, hashes, before).map((hash) => hash.toString('base64'))
      if (hashes.length > 0 || roots[0] !== last.root || roots[1] !== root) {
        return { status: 422, text: 'proof\n' }
      }
    }
    seen.set(origin, { size, root })
    return { status: 200, text: cosign(text) }
  }
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => { body += chunk.toString() })
    request.on('end', () => {
      witness.requests++
      if (witness.behave === 'hang') return
      if (witness.behave === 'away') return request.socket.destroy()
      const { status, text } = witness.behave === 'garbage'
        ? { status: 200, text: `${DASH} ${name} AAAA\n` }
        : witness.behave === 'forbid' ? { status: 404, text: 'unknown\n' } : decide(body)
      response.writeHead(status, {
        'content-type': status === 409 ? 'text/x.tlog.size' : 'text/plain'
      }).end(text)
    })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const witness: ForeignWitness = {
    vkey: `${name}+${id.toString('hex')}+${raw.toString('base64')}`,
    url: `http://127.0.0.1:${port}/prefix/`,
    seen,
    behave: undefined,
    requests: 0
  }
  return witness
}
