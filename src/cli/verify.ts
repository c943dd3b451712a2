import { createReadStream } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { LedgerError } from '../errors.ts'
import type { Finding } from '../proof/finding.ts'
import type { Policy } from '../proof/policy.ts'
import { verifyBundle, verifyProof, type Summary } from '../proof/verify.ts'
import type { Command, Given } from './command.ts'
import { verifyLive } from './verify/live.ts'
import { remoteLedger } from './verify/remote.ts'
import { TRUST_FLAGS, trustedBy } from './verify/trusted.ts'

const PROOF_MARK = 'c2sp.org/tlog-proof@'
const PROGRESS_BYTES = 64 * 1_048_576

/** Evidence against keys: offline a file, or the whole of a running ledger. */
export const verify: Command = {
  name: 'verify',
  summary: 'Verifies a bundle, a proof, or a running ledger, by nothing but keys that you trust.',
  positionals: ['FILE|URL'],
  flags: {
    ...TRUST_FLAGS,
    against: { value: 'FILE', help: 'A signed checkpoint you kept: the ledger must continue it' },
    'api-key': { value: 'FILE', help: 'With a URL: holds the API key of an auditor' }
  },
  run: async (given) => {
    const [what] = given.positionals
    if (what === undefined) throw new LedgerError('CONFIG_INVALID', 'say what: a file or a URL')
    const policy = await trustedBy(given)
    const { against } = given.flags
    const kept = against === undefined ? undefined : await readFile(against, 'utf8')
    const said = new Findings()
    const proven = /^https?:\/\//.test(what)
      ? await live(what, given, { policy, kept, said })
      : await offline(what, { policy, kept, said })
    return said.conclude(proven)
  }
}

interface Case {
  policy: Policy
  kept: string | undefined
  said: Findings
}

async function live (url: string, { flags }: Given, { said, ...rest }: Case): Promise<string> {
  const file = flags['api-key']
  if (file === undefined) {
    throw new LedgerError('CONFIG_INVALID', 'a running ledger asks for an API key: --api-key FILE')
  }
  const remote = remoteLedger(url, (await readFile(file, 'utf8')).trim())
  const tell = (findings: readonly Finding[]): void => { findings.forEach(said.say) }
  const { checkpoint, checkpoints, leaves, rows, removed } =
    await verifyLive({ ...rest, remote, tell })
  return `${checkpoint?.origin ?? url}: ${leaves} leaves of the log, ${checkpoints} checkpoints, ` +
    `${rows} rows, ${removed} removed by retention`
}

async function offline (file: string, { policy, kept, said }: Case): Promise<string> {
  const options = { policy, ...(kept === undefined ? {} : { kept }) }
  if (await begins(file, PROOF_MARK)) {
    const { findings, summary } = verifyProof(await readFile(file, 'utf8'), options)
    findings.forEach(said.say)
    return words(summary)
  }
  let told = 0
  const verification = verifyBundle(createReadStream(file), {
    ...options,
    onProgress: ({ bytes, leaves }) => {
      if (bytes - told < PROGRESS_BYTES) return
      told = bytes
      process.stderr.write(`${leaves} leaves\n`)
    }
  })
  for (;;) {
    const { done, value } = await verification.next()
    if (done === true) return words(value)
    said.say(value)
  }
}

function words ({ checkpoint, leaves, proven, sealed, opened, shredded }: Summary): string {
  return `${checkpoint?.origin ?? 'no checkpoint'}: ${proven} of ${leaves} leaves proven in a ` +
    `tree of ${checkpoint?.size ?? 0n}, ${sealed} sealed sections, ${opened} shown, ` +
    `${shredded} shredded`
}

async function begins (file: string, mark: string): Promise<boolean> {
  const handle = await open(file)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(mark.length), 0, mark.length, 0)
    return buffer.toString('latin1', 0, bytesRead) === mark
  } finally {
    await handle.close()
  }
}

/** Says every finding as it is met, and the verdict. */
class Findings {
  #faults = 0

  readonly say = ({ kind, severity, message, line }: Finding): void => {
    if (severity === 'fault') this.#faults++
    const where = line === undefined ? '' : ` (line ${line})`
    process.stdout.write(`${severity === 'fault' ? 'FAULT' : 'note'} ${kind}: ${message}${where}\n`)
  }

  /** The exit code: 1 if there is any fault. That nothing was proven is one. */
  conclude (proven: string): number {
    process.stdout.write(this.#faults === 0
      ? `OK ${proven}\n`
      : `NOT OK ${proven}; ${this.#faults} faults\n`)
    return this.#faults === 0 ? 0 : 1
  }
}
