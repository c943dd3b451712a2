import { createReadStream } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { LedgerError } from '../errors.ts'
import type { Finding } from '../proof/finding.ts'
import type { Policy } from '../proof/policy.ts'
import { verifyBundle, verifyProof, type Summary } from '../proof/verify.ts'
import type { Command, Given } from './command.ts'
import { EXPECT_FLAGS, expectedBy, judgeEntity, type Expected } from './verify/expected.ts'
import { TRAILS_COMPARED, verifyLive } from './verify/live.ts'
import { remoteLedger } from './verify/remote.ts'
import { TRUST_FLAGS, trustedBy } from './verify/trusted.ts'
import { aboutOf, fileWords, liveWords, printable } from './verify/words.ts'

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
    ...EXPECT_FLAGS,
    'api-key': { value: 'FILE', help: 'With a URL: holds the API key of an auditor' },
    trails: {
      value: 'N', help: `With a URL: trails and feeds to compare, by chance; ${TRAILS_COMPARED}`
    }
  },
  run: async (given) => {
    const [what] = given.positionals
    if (what === undefined) throw new LedgerError('CONFIG_INVALID', 'say what: a file or a URL')
    const policy = await trustedBy(given)
    const expected = expectedBy(given)
    const { against } = given.flags
    const kept = against === undefined ? undefined : await readFile(against, 'utf8')
    const said = new Findings()
    const proven = /^https?:\/\//.test(what)
      ? await live(what, given, { policy, kept, expected, said })
      : await offline(what, { policy, kept, expected, said })
    return said.conclude(proven)
  }
}

interface Case {
  policy: Policy
  kept: string | undefined
  expected: Expected
  said: Findings
}

async function live (
  url: string, { flags }: Given, { said, policy, kept, expected }: Case
): Promise<string> {
  const { 'api-key': file, trails = String(TRAILS_COMPARED) } = flags
  if (file === undefined) {
    throw new LedgerError('CONFIG_INVALID', 'a running ledger asks for an API key: --api-key FILE')
  }
  const { sha256, entity, event, maxAgeSeconds } = expected
  if ([sha256, entity, event].some((wanted) => wanted !== undefined)) {
    throw new LedgerError('CONFIG_INVALID', '--sha256, --entity and --event are about a file')
  }
  if (!/^[0-9]{1,6}$/.test(trails)) throw new LedgerError('CONFIG_INVALID', '--trails: no number')
  const remote = remoteLedger(url, (await readFile(file, 'utf8')).trim())
  const tell = (findings: readonly Finding[]): void => { findings.forEach(said.say) }
  return liveWords(url, await verifyLive({
    policy, kept, remote, tell, maxAgeSeconds, trails: Number(trails)
  }))
}

async function offline (file: string, { policy, kept, expected, said }: Case): Promise<string> {
  const { sha256, event, maxAgeSeconds: seconds } = expected
  const now = BigInt(Math.floor(Date.now() / 1000))
  const options = {
    policy,
    ...(kept === undefined ? {} : { kept }),
    ...(event === undefined ? {} : { event }),
    ...(seconds === undefined ? {} : { age: { seconds, now } })
  }
  const conclude = (summary: Summary): string => {
    judgeEntity(expected, summary).forEach(said.say)
    aboutOf(summary).forEach(said.tell)
    return fileWords(summary)
  }
  if (await begins(file, PROOF_MARK)) {
    if (sha256 !== undefined) throw new LedgerError('CONFIG_INVALID', '--sha256 is of a bundle')
    const { findings, summary } = verifyProof(await readFile(file, 'utf8'), options)
    findings.forEach(said.say)
    return conclude(summary)
  }
  let told = 0
  const verification = verifyBundle(createReadStream(file), {
    ...options,
    ...(sha256 === undefined ? {} : { sha256 }),
    onProgress: ({ bytes, leaves }) => {
      if (bytes - told < PROGRESS_BYTES) return
      told = bytes
      process.stderr.write(`${leaves} leaves\n`)
    }
  })
  for (;;) {
    const { done, value } = await verification.next()
    if (done === true) return conclude(value)
    said.say(value)
  }
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
    this.tell(`${severity === 'fault' ? 'FAULT' : 'note'} ${kind}: ${message}${where}`)
  }

  readonly tell = (line: string): void => {
    process.stdout.write(`${printable(line)}\n`)
  }

  /** The exit code: 1 if there is any fault. That nothing was proven is one. */
  conclude (proven: string): number {
    this.tell(this.#faults === 0 ? `OK ${proven}` : `NOT OK ${proven}; ${this.#faults} faults`)
    return this.#faults === 0 ? 0 : 1
  }
}
