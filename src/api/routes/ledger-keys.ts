import { keyChanges } from '../../../projections/merkle/queries.ts'
import { KeysQuery, LedgerKeys } from '../../../schemas/http/proofs.ts'
import { SERVER_TENANT } from '../../../schemas/primitives.ts'
import { inTenant } from '../../postgres/transaction.ts'
import { ED25519, formatVerifierKey, verifierKey } from '../../proof/keys.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { openReading } from '../reading.ts'
import type { Services } from '../services.ts'

/** The public keys that checkpoints are signed with, as the ledger's own log has them. */
export const ledgerKeys = (services: Services): Endpoint => endpoint({
  summary: 'Read the keys that sign checkpoints',
  description: 'Compare them with what you were given by other ways before you trust them.',
  operationId: 'readLedgerKeys',
  tags: ['integrity'],
  querystring: KeysQuery,
  response: { 200: LedgerKeys }
}, async (request, reply) => {
  const changes = await inTenant(services.pool, SERVER_TENANT, async (tx) => {
    await openReading(tx)
    return await keyChanges(tx)
  })
  const current = changes.at(-1)?.keys[0]
  const publicKeys = [...new Set(changes.flatMap(({ keys }) => keys))]
  const { origin } = request.query
  reply.header('cache-control', 'public, max-age=60')
  return {
    keys: publicKeys.map((publicKey) => ({
      algorithm: 'ed25519' as const,
      publicKey,
      since: changes.find(({ keys }) => keys.includes(publicKey))?.recordedAt ?? '',
      current: publicKey === current
    })),
    ...(origin === undefined
      ? {}
      : {
          verifierKeys: publicKeys.map((publicKey) => formatVerifierKey(
            verifierKey(origin, ED25519, Buffer.from(publicKey, 'base64'))))
        })
  }
})
