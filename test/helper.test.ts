import { connect } from 'node:net'
import { once } from 'node:events'

import t from 'tap'

import { testDatabase, testNode } from './helper.ts'

t.test('test databases are apart', async (t) => {
  const [one, two] = await Promise.all([testDatabase(t), testDatabase(t)])
  await one.pool('ledger_worker').query('create schema mine')
  const { rows } = await two.pool('ledger_worker').query("select to_regnamespace('mine') as mine")
  t.same(rows, [{ mine: null }])
})

t.test('a test node can be killed and started again at the same address', async (t) => {
  const node = await testNode(t)
  const reach = async (): Promise<void> => {
    const socket = connect(node.port, '127.0.0.1')
    await once(socket, 'connect')
    socket.destroy()
  }
  await reach()
  const { pid, url } = node
  await node.restart()
  t.not(node.pid, pid)
  t.equal(node.url, url)
  await reach()
  await node.stop()
  await t.rejects(reach(), { code: 'ECONNREFUSED' })
})
