import { EventStoreDBClient, jsonEvent, type JSONEventData } from '@eventstore/db-client'
import type { Test } from 'tap'
import {
  startNode, type NodeOptions, type RunningNode
} from '../../../src/embedded/eventstore/node.ts'

/** A node in this process with a client, both gone when the test ends. */
export async function givenNode (
  t: Test, options: Partial<NodeOptions> = {}
): Promise<{ node: RunningNode, client: EventStoreDBClient }> {
  const node = await startNode({ ...options, dataDir: options.dataDir ?? t.testdir() })
  const client = EventStoreDBClient.connectionString(node.url)
  t.teardown(async () => {
    await client.dispose()
    await node.stop()
  })
  return { node, client }
}

/** An event with some data. */
export const event = (n: unknown = 0, type = 'test.happened'): JSONEventData =>
  jsonEvent({ type, data: { n } })

/** Everything of a read. */
export async function all<T> (items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

/** The error of a promise, by the fields that the client gives it. */
export async function failure (
  promise: Promise<unknown>
): Promise<Record<string, unknown>> {
  try {
    await promise
  } catch (error) {
    return { ...(error instanceof Error ? error : { error }) }
  }
  throw new Error('it succeeded')
}
