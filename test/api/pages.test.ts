import fc from 'fast-check'
import t from 'tap'
import { PAGE_DEFAULT, PAGE_MAX } from '../../schemas/http/paging.ts'
import { event, testService, type Answer } from './service.ts'

const service = await testService(t)
const { call, append } = service
const read = async (url: string): Promise<Answer> => await call('acme.auditor', url)

const ids = (answer: Answer): string[] =>
  answer.json().items.map(({ id }: { id: string }) => id)

t.test('pages of any size put together are the whole, while events go on arriving', async (t) => {
  const entity = { type: 'paged', id: '1' }
  const batch = Array.from({ length: 60 }, () => event({ entity }))
  await append('acme', batch)
  const whole = ids(await read('/v1/entities/paged/1/events?limit=200'))
  t.equal(whole.length, 60)
  const arriving = event({ entity: { type: 'paged', id: '2' }, related: [entity] })
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 70 }), async (limit) => {
    const seen: string[] = []
    let url = `/v1/entities/paged/1/events?limit=${limit}`
    while (url !== '') {
      const page = await read(url)
      seen.push(...ids(page))
      await call('acme.producer', { method: 'POST', url: '/v1/events', payload: arriving })
      url = /<([^>]+)>; rel="next"/.exec(String(page.headers['link'] ?? ''))?.[1] ?? ''
    }
    const ours = seen.filter((id) => whole.includes(id))
    return JSON.stringify(ours) === JSON.stringify(whole) && new Set(seen).size === seen.length
  }), { numRuns: 5 })
})

t.test('a page says where the next one is, in the body and in Link', async (t) => {
  const first = await read('/v1/events?limit=2&category=change')
  const { nextCursor } = first.json()
  t.equal(first.headers['link'],
    `</v1/events?limit=2&category=change&cursor=${nextCursor}>; rel="next"`)
  const next = await read(`/v1/events?category=change&limit=3&cursor=${nextCursor}`)
  t.equal(next.statusCode, 200)
  t.equal(ids(next).length, 3, 'the size of pages may change')
  const last = await read('/v1/events?action=nothing.there')
  t.strictSame(last.json(), { items: [], nextCursor: null })
  t.notOk(last.headers['link'])
})

t.test('a cursor is good for its own query and tenant only', async (t) => {
  await append('globex', [event(), event(), event()])
  const cursor: string = (await read('/v1/events?limit=1')).json().nextCursor
  const foreign: string = (await call('globex.auditor', '/v1/events?limit=1')).json().nextCursor
  const wrong = [
    `/v1/events?category=change&cursor=${cursor}`, `/v1/tasks?cursor=${cursor}`,
    `/v1/entities/order/456/events?cursor=${cursor}`, `/v1/events?cursor=${foreign}`,
    `/v1/events?cursor=${cursor.slice(0, -1)}`, `/v1/events?cursor=${cursor}A`,
    `/v1/events?cursor=${cursor.replace(/^./, (first) => first === 'A' ? 'B' : 'A')}`,
    '/v1/events?cursor=x'
  ]
  for (const url of wrong) {
    const answer = await read(url)
    t.equal(answer.statusCode, 400, url)
    t.equal(answer.json().type, '/problems/invalid-cursor', url)
  }
  t.equal((await read(`/v1/events?cursor=${cursor}`)).statusCode, 200)
})

t.test('the size of a page has a default, and a limit that is no silent cap', async (t) => {
  const entity = { type: 'many', id: '1' }
  await append('acme', Array.from({ length: 250 }, () => event({ entity })))
  t.equal(ids(await read('/v1/entities/many/1/events')).length, PAGE_DEFAULT)
  t.equal(ids(await read(`/v1/entities/many/1/events?limit=${PAGE_MAX}`)).length, PAGE_MAX)
  t.equal((await read(`/v1/entities/many/1/events?limit=${PAGE_MAX + 1}`)).statusCode, 400)
})

t.test('a count is exact when it is asked for, and says when it is not', async (t) => {
  const count = async (query: string): Promise<unknown> =>
    (await read(`/v1/${query}`)).json().count
  const many = { value: 250, exact: true }
  const none = { value: 0, exact: true }
  t.strictSame(await count('events?entity=many:1&count=exact'), many)
  t.strictSame(await count('entities/many/1/events?count=exact&limit=1'), many)
  t.strictSame(await count('events?action=nothing.there&count=exact'), none)
  t.match(await count('events?count=estimate'), { value: Number, exact: false })
  t.equal(await count('events?count=none'), undefined)
})
