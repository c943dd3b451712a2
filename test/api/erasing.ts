import type { Test } from 'tap'
import { event, testService, until, type Answer, type TestService } from './service.ts'

export const BASIS = {
  legalBasis: 'GDPR art. 17(1)(a)', reason: 'Asked for it', recipients: ['Payroll']
}

/** A good event of a user, whose name and address are nowhere else. */
export function person (id: string, said: object = {}): Record<string, unknown> {
  return event({
    actor: { type: 'user', id, name: `Canary ${id}`, email: `${id}@canary.example` },
    context: { ip: '203.0.113.7', sessionId: `s-${id}` },
    ...said
  })
}

export interface ErasingService extends TestService {
  send (key: string, url: string, payload?: object): Promise<Answer>
  get (url: string, key?: string): Promise<Answer>
  /** Asks for a person of the tenant to be erased; by default a user of acme. */
  ask (id: string, tenant?: string): Promise<Answer>
  /** Waits for the state of an erasure; returns the erasure's JSON. */
  become (id: string, state: string, tenant?: string): Promise<any> // eslint-disable-line
  /** Asks, and waits until it is done. */
  erase (id: string): Promise<any> // eslint-disable-line
}

export async function erasingService (t: Test): Promise<ErasingService> {
  const service = await testService(t)
  const { call } = service
  const send: ErasingService['send'] = async (key, url, payload = {}) =>
    await call(key, { method: 'POST', url, payload })
  const ask: ErasingService['ask'] = async (id, tenant = 'acme') =>
    await send(`${tenant}.compliance`, '/v1/erasures', { subject: { type: 'user', id }, ...BASIS })
  const become: ErasingService['become'] = async (id, state, tenant = 'acme') => {
    const answer = await until(async () => await call(`${tenant}.auditor`, `/v1/erasures/${id}`),
      (answer) => answer.json().state === state)
    t.equal(answer.json().state, state, answer.body)
    return answer.json()
  }
  return {
    ...service,
    send,
    ask,
    become,
    get: async (url, key = 'acme.auditor') => await call(key, url),
    async erase (id) {
      const asked = await ask(id)
      t.equal(asked.statusCode, 202, asked.body)
      return await become(asked.json().id, 'executed')
    }
  }
}
