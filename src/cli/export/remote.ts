import type { CreateExport, ExportView } from '../../../schemas/http/exports.ts'
import { LedgerError } from '../../errors.ts'

const TIMEOUT_MS = 60_000

/** Exports of a running ledger, as compliance asks for them. */
export interface RemoteExports {
  create (wish: CreateExport): Promise<ExportView>
  read (id: string): Promise<ExportView>
  /** The answer as it is: 200, 206, or one of those that mean later (isLater). */
  download (id: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response>
}

/** Asks with an API key. Throws INTERNAL with what the ledger answered if it refuses. */
export function remoteExports (url: string, apiKey: string): RemoteExports {
  const authorization = `Bearer ${apiKey}`
  const at = (path: string): URL => new URL(`/v1/exports${path}`, url)
  const view = async (answer: Response): Promise<ExportView> => {
    await requireOk(answer)
    return await answer.json() as ExportView
  }
  return {
    create: async (wish) => await view(await fetch(at(''), {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify(wish),
      signal: AbortSignal.timeout(TIMEOUT_MS)
    })),
    read: async (id) => await view(await fetch(at(`/${id}`), {
      headers: { authorization }, signal: AbortSignal.timeout(TIMEOUT_MS)
    })),
    download: async (id, headers, signal) => {
      const answer = await fetch(at(`/${id}/download`), {
        headers: { authorization, ...headers }, signal
      })
      if (!isLater(answer)) await requireOk(answer)
      return answer
    }
  }
}

/** Whether the same may be answered otherwise soon: changed meanwhile, too many, not ready. */
export function isLater ({ status }: Response): boolean {
  return status === 412 || status === 429 || status === 503
}

async function requireOk (answer: Response): Promise<void> {
  if (answer.ok) return
  throw new LedgerError('INTERNAL', `the ledger answers ${answer.status}: ${await answer.text()}`)
}
