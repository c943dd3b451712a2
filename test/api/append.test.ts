import t from 'tap'
import { BATCH_MAX_EVENTS } from '../../schemas/primitives.ts'
import { event, testService } from './service.ts'

const service = await testService(t)
const { call, append } = service

t.test('one event is recorded and answered by its receipt', async (t) => {
  const answer = await call('acme.producer', {
    method: 'POST', url: '/v1/events', payload: event({ id: '00000000-0000-7000-8000-000000000001' })
  })
  t.equal(answer.statusCode, 201, answer.body)
  const receipt = answer.json()
  t.equal(receipt.id, '00000000-0000-7000-8000-000000000001')
  t.equal(receipt.stream, 'acme.order-456')
  t.equal(receipt.duplicate, false)
  t.match(receipt.leafHash, /^[0-9a-f]{64}$/)
  t.equal(answer.headers['ledger-position'], receipt.position)
})
