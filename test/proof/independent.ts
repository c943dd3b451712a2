import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { packageFile } from '../../src/paths.ts'
import { formatVerifierKey, type VerifierKey } from '../../src/proof/keys.ts'

const run = promisify(execFile)
const SCRIPT = packageFile('test/proof/verify.py')

export interface Trusted {
  log: VerifierKey
  /** Whose cosignature is wanted. */
  witness?: VerifierKey
}

/** What the verifier written from the specifications says of bundles: `ok` or `bad` for each. */
export async function independent (
  folder: string, { log, witness }: Trusted, texts: ReadonlyArray<string | Buffer>
): Promise<string[]> {
  const files = texts.map((_, at) => path.join(folder, `${at}.bundle`))
  await Promise.all(files.map((file, at) => writeFile(file, texts[at] ?? '')))
  const [witnesses, quorum] = witness === undefined ? ['', '0'] : [formatVerifierKey(witness), '1']
  const { stdout } = await run('python3', [
    SCRIPT, formatVerifierKey(log), witnesses, quorum, ...files
  ])
  return stdout.trimEnd().split('\n').map((line) => line.split(' ')[1] ?? '')
}

/** Why it cannot be run here, false if it can. */
export async function whatIsMissing (): Promise<string | false> {
  for (const [command, flag] of [['python3', '--version'], ['openssl', 'version']] as const) {
    try {
      await run(command, [flag])
    } catch {
      return `${command} is not installed`
    }
  }
  return false
}
