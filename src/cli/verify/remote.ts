import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { LedgerError } from '../../errors.ts'

const TIMEOUT_MS = 60_000

/** A ledger as an auditor reaches it. */
export interface Remote {
  json<T> (path: string): Promise<T>
  text (path: string): Promise<string>
  bytes (path: string): Promise<Buffer>
  /** Line by line, as they come. */
  lines (path: string): AsyncIterable<string>
}

/**
 * Asks with an API key. What the ledger answered is thrown if it refuses: NOT_FOUND for 404,
 * INTERNAL for everything else.
 */
export function remoteLedger (url: string, apiKey: string): Remote {
  const ask = async (path: string, accept: string, signal?: AbortSignal): Promise<Response> => {
    const answer = await fetch(new URL(path, url), {
      headers: { authorization: `Bearer ${apiKey}`, accept },
      ...(signal === undefined ? {} : { signal })
    })
    if (answer.ok) return answer
    const code = answer.status === 404 ? 'NOT_FOUND' : 'INTERNAL'
    throw new LedgerError(code, `GET ${path}: ${answer.status} ${await answer.text()}`)
  }
  const soon = (): AbortSignal => AbortSignal.timeout(TIMEOUT_MS)
  return {
    json: async <T>(path: string) =>
      await (await ask(path, 'application/json', soon())).json() as T,
    text: async (path) => await (await ask(path, 'text/plain', soon())).text(),
    bytes: async (path) => Buffer.from(await (await ask(path, '*/*', soon())).arrayBuffer()),
    async * lines (path) {
      const { body } = await ask(path, '*/*')
      if (body === null) return
      yield * createInterface({ input: Readable.fromWeb(body), crlfDelay: Infinity })
    }
  }
}
