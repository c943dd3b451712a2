import t from 'tap'
import { SEARCH_MAX_LENGTH } from '../../schemas/http/events.ts'
import { event, testService } from './service.ts'

const { append, call } = await testService(t)

await append('acme', [
  event({ description: 'Refunded after a complaint', tags: ['vip'] }),
  event({
    action: 'patient.seen',
    category: 'access',
    actor: { type: 'user', id: 'canary-actor', name: 'Canarina Jones', email: 'canary@x.org' },
    entity: { type: 'patient', id: 'canary-patient', name: 'Canarius Brown' },
    context: { ip: '203.0.113.77', userAgent: 'CanaryBrowser', sessionId: 'canary-session' },
    data: { operation: 'read', diagnosis: 'canarosis', ward: 'Northern ward' },
    personal: [{ subject: { type: 'patient', id: 'canary-patient' }, paths: ['/data/diagnosis'] }]
  }),
  ...Array.from({ length: 60 }, (_, n) => event({ description: `Counted number ${n}` }))
])
await append('globex', event({ description: 'Refunded by globex' }))

const find = async (query: string, key = 'acme.auditor'): Promise<any> => // eslint-disable-line
  (await call(key, `/v1/events?${query}`)).json()

t.test('events are found by words of their clear text, and only those of the tenant', async (t) => {
  const { items } = await find('q=refunded%20COMPLAINT')
  t.match(items, [{ description: 'Refunded after a complaint', actor: { name: 'Alice' } }])
  t.equal((await find('q=refunded')).items.length, 1)
  t.match((await find('q=refunded', 'globex.auditor')).items, [{ description: /globex/ }])
  const ward = await find('q=%22northern%20ward%22&category=access')
  t.match(ward.items, [{ action: 'patient.seen' }])
  t.equal((await find('q=refunded&tag=vip&actor=u-81')).items.length, 1)
  t.strictSame((await find('q=refunded&category=auth')).items, [])
})

t.test('nothing sealed is ever found', async (t) => {
  for (const word of ['canary', 'canarina', 'canarius', 'brown', 'canarosis', 'canarybrowser',
    'jones', 'cana*', '113']) {
    t.strictSame((await find(`q=${word}`)).items, [], word)
  }
})

t.test('a search has pages and counts', async (t) => {
  const ids: string[] = []
  let next = '/v1/events?q=counted&limit=25&count=exact'
  for (let page = 0; page < 3; page++) {
    const answer = await call('acme.auditor', next)
    const { items, count, nextCursor } = answer.json()
    t.strictSame(count, { value: 60, exact: true })
    ids.push(...items.map(({ description }: { description: string }) => description))
    next = /<([^>]+)>/.exec(String(answer.headers['link']))?.[1] ?? ''
    t.equal(nextCursor === null, page === 2)
  }
  t.strictSame(ids, Array.from({ length: 60 }, (_, n) => `Counted number ${59 - n}`))
  t.match(await find('q=counted&count=estimate'), { count: { value: 60 } })
  const { nextCursor } = await find('q=counted&limit=5')
  t.match(await find(`q=number&limit=5&cursor=${nextCursor}`), { status: 400 },
    'a cursor belongs to its search')
})

t.test('feeds, trails and streams are searched too', async (t) => {
  for (const url of ['/v1/users/u-81/events', '/v1/entities/order/456/events']) {
    const { items } = (await call('acme.auditor', `${url}?q=complaint`)).json()
    t.match(items, [{ description: /complaint/ }], url)
  }
  const { body } = await call('acme.auditor', '/v1/events/stream?q=complaint&after=0&seconds=0')
  t.equal(body.match(/^data:/gm)?.length, 1)
})

t.test('whatever is typed, the answer is a page or says what is wrong', async (t) => {
  const hostile = ["'", '"', '\\', "');--", '&|!()<->:*', '***', 'a:*', "x' | 'y", '!order', 'o|r',
    '\u0000', '\ud800', '%', 'acme/0', "acme:0' | '", '<script>', 'a'.repeat(SEARCH_MAX_LENGTH),
    'a'.repeat(SEARCH_MAX_LENGTH + 1), 'w '.repeat(16), 'w '.repeat(17), '""""', '"a', '注文*', '']
  for (const text of hostile) {
    const answer = await call('acme.auditor', { url: '/v1/events', query: { q: text } })
    t.ok([200, 400].includes(answer.statusCode), `${JSON.stringify(text)}: ${answer.body}`)
    if (answer.statusCode === 400) t.match(answer.json(), { violations: [{ pointer: 'q' }] })
  }
  t.match(await find('q=in*'), { violations: [{ pointer: 'q', detail: /3 letters/ }] })
  t.match(await find(`q=${'a%20'.repeat(17)}`), { violations: [{ detail: /more than 16/ }] })
  t.match(await find('q=---'), { violations: [{ detail: 'has no word in it' }] })
})
