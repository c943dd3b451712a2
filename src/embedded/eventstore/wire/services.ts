/** The answers of the small services: what the server can do, and who is in its cluster of one. */
import { bytesField, varintField } from './protobuf.ts'
import { grpcMessage } from './responses.ts'

/** The version of the real server whose behaviour this one has. */
export const SERVER_VERSION = '24.6.0'

const METHODS: readonly (readonly [string, readonly string[]])[] = [
  ['event_store.client.streams.streams',
    ['append', 'batchappend', 'read', 'delete', 'tombstone']],
  ['event_store.client.gossip.gossip', ['read']],
  ['event_store.client.server_features.serverfeatures', ['getsupportedmethods']]
]

/** `SupportedMethods`. */
export function supportedMethodsMessage (): Buffer {
  const methods = METHODS.flatMap(([service, names]) => names.map((name) =>
    bytesField(1, bytesField(1, name), bytesField(2, service))))
  return grpcMessage(...methods, bytesField(2, SERVER_VERSION))
}

/** `ClusterInfo` with this node as the leader, at the address by which the client called it. */
export function clusterInfoMessage (
  instanceId: string, host: string, port: number, nowMs: number
): Buffer {
  const leader = 8
  return grpcMessage(bytesField(1,
    bytesField(1, bytesField(2, instanceId)),
    varintField(2, nowMs * 10_000),
    varintField(3, leader),
    varintField(4, 1),
    bytesField(5, bytesField(1, host), varintField(2, port))))
}
