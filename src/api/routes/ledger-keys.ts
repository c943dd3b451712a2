import { Type } from '@sinclair/typebox'
import { keyChanges } from '../../../projections/merkle/queries.ts'
import type { Tx } from '../../../projections/projection.ts'
import { KeysQuery, LedgerKeys } from '../../../schemas/http/proofs.ts'
import { SERVER_TENANT } from '../../../schemas/primitives.ts'
import { inTenant } from '../../postgres/transaction.ts'
import { ED25519, formatVerifierKey, verifierKey, type VerifierKey } from '../../proof/keys.ts'
import { formatPolicy, parsePolicy, policyOf } from '../../proof/policy.ts'
import { wants } from '../accept.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { policyOfLog } from '../proofs.ts'
import { openReading } from '../reading.ts'
import type { Services } from '../services.ts'

/** The public keys that checkpoints are signed with, as the ledger's own log has them. */
export const ledgerKeys = (services: Services): Endpoint => endpoint({
  summary: 'Read the keys that sign checkpoints',
  description: 'Compare them with what you were given by other ways before you trust them. With ' +
    '`origin` and Accept: text/plain the policy alone, as a file to keep.',
  operationId: 'readLedgerKeys',
  tags: ['integrity'],
  querystring: KeysQuery,
  response: {
    200: {
      content: {
        'application/json': { schema: LedgerKeys }, 'text/plain': { schema: Type.String() }
      }
    }
  }
}, async (request, reply) => {
  const changes = await readAs(services, SERVER_TENANT, keyChanges)
  const current = changes.at(-1)?.keys[0]
  const publicKeys = [...new Set(changes.flatMap(({ keys }) => keys))]
  const { origin } = request.query
  reply.header('cache-control', 'public, max-age=60').header('vary', 'accept')
  const ofLog = origin === undefined ? undefined : await keysOfLog(services, origin, current)
  if (ofLog !== undefined && wants(request, 'text/plain')) {
    return await reply.type('text/plain; charset=utf-8').send(ofLog.policy)
  }
  return {
    keys: publicKeys.map((publicKey) => ({
      algorithm: 'ed25519' as const,
      publicKey,
      since: changes.find(({ keys }) => keys.includes(publicKey))?.recordedAt ?? '',
      current: publicKey === current
    })),
    ...ofLog
  }
})

/** The keys of a log; one that has signed nothing yet will be signed with the current one. */
async function keysOfLog (
  services: Services, origin: string, publicKey: string | undefined
): Promise<{ verifierKeys: string[], policy: string }> {
  const current: VerifierKey[] = publicKey === undefined
    ? []
    : [verifierKey(origin, ED25519, Buffer.from(publicKey, 'base64'))]
  const [, tenant = ''] = origin.split('/')
  const policy = await readAs(services, tenant, async (tx) => await policyOfLog(tx, origin))
  return {
    verifierKeys: current.map(formatVerifierKey),
    policy: parsePolicy(policy).logs.length > 0 ? policy : formatPolicy(policyOf(current))
  }
}

async function readAs<T> (
  { pool }: Services, tenant: string, read: (tx: Tx) => Promise<T>
): Promise<T> {
  return await inTenant(pool, tenant, async (tx) => {
    await openReading(tx)
    return await read(tx)
  })
}
