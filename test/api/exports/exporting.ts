import type { ExportView } from '../../../schemas/http/exports.ts'
import { until, type Answer, type TestService } from '../service.ts'

export interface Exporting {
  /** Asks for an export as acme's compliance. */
  ask (wish: object, key?: string): Promise<Answer>
  read (id: string): Promise<ExportView>
  /** Asks, and waits until it can be downloaded. */
  ready (wish: object): Promise<ExportView>
  /** Waits until an export can be downloaded. */
  become (id: string, state: ExportView['state']): Promise<ExportView>
  download (id: string, headers?: Record<string, string>, key?: string): Promise<Answer>
  /** Waits until what the log holds of an action is in the list, and returns the newest data. */
  recorded (action: string, id: string): Promise<any[]> // eslint-disable-line
}

/** What tests of exports ask of a service. */
export function exporting ({ call }: TestService): Exporting {
  const read: Exporting['read'] = async (id) =>
    (await call('acme.compliance', `/v1/exports/${id}`)).json()
  const become: Exporting['become'] = async (id, state) => {
    const view = await until(async () => await read(id), (view) => view.state === state)
    if (view.state !== state) throw new Error(`not ${state}: ${JSON.stringify(view)}`)
    return view
  }
  const ask: Exporting['ask'] = async (payload, key = 'acme.compliance') =>
    await call(key, { method: 'POST', url: '/v1/exports', payload })
  return {
    ask,
    read,
    become,
    async ready (wish) {
      const answer = await ask(wish)
      if (answer.statusCode !== 202) throw new Error(`${answer.statusCode} ${answer.body}`)
      return await become(answer.json().id, 'ready')
    },
    download: async (id, headers = {}, key = 'acme.compliance') =>
      await call(key, { url: `/v1/exports/${id}/download`, headers }),
    async recorded (action, id) {
      const url = `/v1/entities/ledger_export/${id}/events?action=${action}`
      const answer = await until(async () => await call('acme.auditor', url),
        (answer) => answer.json().items.length > 0)
      return answer.json().items
    }
  }
}
