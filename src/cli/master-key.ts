import { stat } from 'node:fs/promises'
import { awsKmsMasterKey } from '../privacy/aws-kms.ts'
import { fileMasterKey, withOlder, type MasterKey } from '../privacy/master-key.ts'

const AWS = 'aws:'

/**
 * The master key that the configuration names. After a move from a file to a KMS the file, as long
 * as it is there, still opens what is not rewrapped yet.
 */
export async function openMasterKey (
  { masterKeyFile, masterKeyKms }: { masterKeyFile: string, masterKeyKms?: string | undefined }
): Promise<MasterKey> {
  if (masterKeyKms === undefined) return await fileMasterKey(masterKeyFile)
  const kms = await awsKmsMasterKey(masterKeyKms.slice(AWS.length))
  const hasFile = await stat(masterKeyFile).then(() => true, () => false)
  return hasFile ? withOlder(kms, await fileMasterKey(masterKeyFile)) : kms
}
