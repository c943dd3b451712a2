import t from 'tap'
import { isPublic, pinTarget, targetFault, TargetRefused } from '../../src/webhooks/address.ts'

const never = new AbortController().signal
const rules = { allowLoopback: false, resolve: async () => ['93.184.216.34'] }

/** Every way to write an address that leads inside; the numbers are what a URL makes of them. */
const INSIDE = [
  'https://127.0.0.1/', 'https://2130706433/', 'https://0x7f000001/', 'https://0x7f.1/',
  'https://0177.0.0.1/', 'https://127.1/', 'https://127.0.0.1./', 'https://127.255.255.254/',
  'https://0/', 'https://0.0.0.0/', 'https://[::1]/', 'https://[::]/',
  'https://[::ffff:127.0.0.1]/', 'https://[::ffff:7f00:1]/', 'https://[::127.0.0.1]/',
  'https://[64:ff9b::7f00:1]/', 'https://[2002:7f00:1::]/', 'https://[2001::1]/',
  'https://169.254.169.254/latest/meta-data', 'https://2852039166/', 'https://[::ffff:a9fe:a9fe]/',
  'https://[fd00:ec2::254]/', 'https://[fe80::1]/', 'https://[fec0::1]/', 'https://[fc00::1]/',
  'https://10.0.0.1/', 'https://172.16.0.1/', 'https://172.31.255.255/', 'https://192.168.1.1/',
  'https://100.64.0.1/', 'https://100.100.100.200/', 'https://192.0.0.192/', 'https://192.0.2.1/',
  'https://198.18.0.1/', 'https://198.51.100.1/', 'https://203.0.113.1/', 'https://224.0.0.1/',
  'https://240.0.0.1/', 'https://255.255.255.255/', 'https://[ff02::1]/', 'https://[2001:db8::1]/',
  'https://localhost/', 'https://LOCALHOST/', 'https://１２７.０.０.１/'
]

t.test('no spelling of an address leads inside', async (t) => {
  for (const url of INSIDE) {
    t.type(targetFault(url, false), 'string', `${url} is refused where it is written down`)
    await t.rejects(pinTarget(url, rules, never), TargetRefused, `and where it is used: ${url}`)
  }
})

t.test('an address next to a special range is like any other', async (t) => {
  const outside = [
    '1.1.1.1', '9.255.255.255', '11.0.0.0', '126.255.255.255', '128.0.0.0', '169.253.255.255',
    '169.255.0.0', '172.15.255.255', '172.32.0.0', '192.167.255.255', '192.169.0.0', '100.63.0.0',
    '100.128.0.0', '198.17.255.255', '198.20.0.0', '223.255.255.255', '2606:2800:220:1::1',
    '2001:200::1', '2003::1'
  ]
  for (const address of outside) t.ok(isPublic(address), address)
  for (const not of ['', 'example.com', '1.2.3', '::ffff:1.1.1.1', '4000::1']) {
    t.notOk(isPublic(not), not)
  }
})

t.test('what is not plain https is refused', async (t) => {
  const rows: ReadonlyArray<readonly [string, RegExp]> = [
    ['http://example.com/', /https/], ['ftp://example.com/', /https/], ['file:///etc/passwd', /https/],
    ['https://user@example.com/', /user name/], ['https://:pass@example.com/', /password/],
    ['https://example.com/#x', /fragment/], ['example.com', /URL/], ['', /URL/], ['//x', /URL/]
  ]
  for (const [url, fault] of rows) t.match(targetFault(url, true), fault, url)
  t.equal(targetFault('https://example.com:8443/a?b=c', false), undefined)
})

t.test('this machine is a receiver only where the setting says so', async (t) => {
  const allowed = { ...rules, allowLoopback: true }
  for (const [url, address] of [
    ['http://127.0.0.1:8080/x', '127.0.0.1'], ['http://localhost:1/', '127.0.0.1'],
    ['http://[::1]:9/', '::1'], ['https://localhost/', '127.0.0.1'], ['http://2130706433/', '127.0.0.1']
  ] as const) {
    t.equal((await pinTarget(url, allowed, never)).address, address, url)
    t.type(targetFault(url, false), 'string', url)
  }
  // The setting is for this machine alone: neighbours stay out, and http too.
  for (const url of ['https://10.0.0.1/', 'http://example.com/', 'https://169.254.169.254/']) {
    await t.rejects(pinTarget(url, allowed, never), TargetRefused, url)
  }
})

t.test('a name is looked up once, and all that it stands for has to be outside', async (t) => {
  const rows: ReadonlyArray<readonly [addresses: string[], pinned: string | undefined]> = [
    [['93.184.216.34'], '93.184.216.34'],
    [['2606:2800:220:1::1', '93.184.216.34'], '2606:2800:220:1::1'],
    [['127.0.0.1'], undefined],
    [['93.184.216.34', '10.0.0.7'], undefined],
    [['93.184.216.34', '::ffff:10.0.0.7'], undefined],
    [['169.254.169.254'], undefined],
    [['fd00:ec2::254'], undefined],
    [['::1'], undefined],
    [['not an address'], undefined],
    [[], undefined]
  ]
  for (const [addresses, pinned] of rows) {
    let asked = 0
    const resolve = async (name: string): Promise<string[]> => {
      asked++
      t.equal(name, 'hooks.example.com')
      return addresses
    }
    for (const allowLoopback of [false, true]) {
      asked = 0
      const target = pinTarget('https://hooks.example.com/x', { allowLoopback, resolve }, never)
      if (pinned === undefined) await t.rejects(target, TargetRefused, addresses.join())
      else t.match(await target, { address: pinned, servername: 'hooks.example.com' })
      t.equal(asked, 1)
    }
  }
})
