import { LedgerError } from '../errors.ts'
import { codeOf } from '../postgres/errors.ts'
import type { MasterKey } from './master-key.ts'

/** Authenticated with everything that is wrapped: a text of another program does not unwrap. */
const CONTEXT = { purpose: 'audit-ledger data key' }
const PACKAGE: string = '@aws-sdk/client-kms'

interface KmsInput {
  KeyId: string
  EncryptionContext: Record<string, string>
  Plaintext?: Uint8Array
  CiphertextBlob?: Uint8Array
}

/** The part of AWS's own client that is used. */
export interface Kms {
  client: { send (command: unknown): Promise<unknown> }
  EncryptCommand: new (input: KmsInput) => unknown
  DecryptCommand: new (input: KmsInput) => unknown
}

/**
 * A master key that never leaves AWS KMS: every new or forgotten data key costs a call there.
 * Throws what the client throws.
 */
export function kmsMasterKey ({ client, EncryptCommand, DecryptCommand }: Kms, keyId: string):
MasterKey {
  const common = { KeyId: keyId, EncryptionContext: CONTEXT }
  return {
    id: `aws-kms:${keyId}`,
    async wrap (plain) {
      const answer = await client.send(new EncryptCommand({ ...common, Plaintext: plain }))
      return bytesOf(answer, 'CiphertextBlob')
    },
    async unwrap (wrapped) {
      const answer = await client.send(new DecryptCommand({ ...common, CiphertextBlob: wrapped }))
      return bytesOf(answer, 'Plaintext')
    }
  }
}

/**
 * The master key of that id, ARN or alias in AWS KMS, with the credentials and the region that
 * AWS's client finds by itself. Its package is not one of ours: CONFIG_INVALID where it is not
 * installed.
 */
export async function awsKmsMasterKey (
  keyId: string, load: (name: string) => Promise<unknown> = async (name) => await import(name)
): Promise<MasterKey> {
  let loaded: unknown
  try {
    loaded = await load(PACKAGE)
  } catch (cause) {
    if (!isMissing(cause)) throw cause
    throw new LedgerError('CONFIG_INVALID',
      `MASTER_KEY_KMS needs the package ${PACKAGE}: npm install ${PACKAGE}`, { cause })
  }
  const { KMSClient, EncryptCommand, DecryptCommand } = Object(loaded)
  return kmsMasterKey({ client: new KMSClient({}), EncryptCommand, DecryptCommand }, keyId)
}

/** Not every loader hands on node's own code. */
function isMissing (err: unknown): boolean {
  return codeOf(err) === 'ERR_MODULE_NOT_FOUND' ||
    (err instanceof Error && err.message.startsWith(`Cannot find package '${PACKAGE}'`))
}

function bytesOf (answer: unknown, name: 'CiphertextBlob' | 'Plaintext'): Buffer {
  const bytes: unknown = Reflect.get(Object(answer), name)
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`AWS KMS gave no ${name}`)
  return Buffer.from(bytes)
}
