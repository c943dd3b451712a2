import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

import t from 'tap'

import { Environment } from '../schemas/config.ts'
import { packageFile } from '../src/paths.ts'

interface Service {
  image: string
  init?: boolean
  command?: string
  build?: { context: string, dockerfile: string }
  environment?: Record<string, string>
  ports?: string[]
  volumes?: string[]
  configs?: Array<{ source: string }>
  depends_on?: Record<string, { condition: string }>
  healthcheck?: { test: string | string[] }
}

interface Compose {
  services: Record<string, Service>
  volumes: Record<string, unknown>
  configs: Record<string, unknown>
}

// It comes with eslint; there are no types for it.
const yaml: { load (text: string): Compose } = createRequire(import.meta.url)('js-yaml')
const text = await readFile(packageFile('docker-compose.yml'), 'utf8')
const compose = yaml.load(text)
const services = Object.entries(compose.services)
const ours = services.filter(([, service]) => service.build !== undefined)

t.test('the parts are a log, a database, and the three commands of the ledger', async (t) => {
  t.same(Object.keys(compose.services), ['eventstore', 'postgres', 'migrate', 'api', 'worker'])
  t.same(ours.map(([, { command }]) => command?.replace('node dist/src/cli/main.js ', '')),
    ['migrate', 'serve', 'work'])
})

t.test('every command exists', async (t) => {
  const main = await readFile(packageFile('src/cli/main.ts'), 'utf8')
  const commands = [...main.matchAll(/^ {2}'?([a-z-]+)'?: async \(\) =>/gm)].map(([, word]) => word)
  for (const [name, { command = '' }] of ours) {
    const [program, file, word = '', ...rest] = command.split(' ')
    t.same([program, file, rest], ['node', 'dist/src/cli/main.js', []], name)
    t.ok(commands.includes(word), `${word} is a command`)
  }
})

t.test('every variable of ours exists and fits its rule', async (t) => {
  const rules = new Map(Object.entries(Environment.properties))
  for (const [name, { environment = {} }] of ours) {
    t.ok(environment['EVENTSTORE_URL'] !== undefined && environment['DATABASE_URL'] !== undefined)
    for (const [variable, value] of Object.entries(environment)) {
      const rule = rules.get(variable)
      t.ok(rule, `${name}: ${variable} is read by the program`)
      const pattern = rule !== undefined && 'pattern' in rule ? String(rule.pattern) : ''
      t.match(value, new RegExp(pattern), `${name}: ${variable}`)
    }
  }
})

t.test('only loopback is published, and every secret has a default to replace', async (t) => {
  for (const [name, { ports = [] }] of services) {
    for (const port of ports) t.match(port, /^127\.0\.0\.1:(\d+):\1$/, name)
  }
  const interpolated = text.match(/\$\{[^}]*\}/g) ?? []
  t.ok(interpolated.length >= 3)
  for (const variable of interpolated) t.match(variable, /^\$\{[A-Z_]+:-[^}]+\}$/)
  t.notMatch(interpolated.join(), /\{LEDGER_/, 'which the program would refuse as unknown')
})

t.test('every service has an init, a versioned image and parts that exist', async (t) => {
  for (const [name, service] of services) {
    t.equal(service.init, true, `${name} has an init, so that no zombie keeps a lock`)
    if (service.build === undefined) t.match(service.image, /:\d/, name)
    for (const volume of service.volumes ?? []) {
      t.ok((volume.split(':')[0] ?? '') in compose.volumes, volume)
    }
    for (const { source } of service.configs ?? []) t.ok(source in compose.configs, source)
    for (const [needed, { condition }] of Object.entries(service.depends_on ?? {})) {
      const other = compose.services[needed]
      t.ok(other, `${name} needs ${needed}`)
      if (condition === 'service_healthy') t.ok(other?.healthcheck, `${needed} can be healthy`)
    }
  }
  const [kind, ...command] = compose.services['api']?.healthcheck?.test ?? []
  t.same([kind, ...command.slice(0, 2)], ['CMD', 'node', '--eval'])
  t.match(command[2], /^fetch\('http:\/\/127\.0\.0\.1:4600\/readyz'\)/)
})

t.test('the image is built from files that exist and that are sent to the builder', async (t) => {
  const ignored = (await readFile(packageFile('.dockerignore'), 'utf8')).split('\n')
  for (const [, { build }] of ours) {
    t.same(build, { context: '.', dockerfile: '.ci/Dockerfile' })
    const dockerfile = await readFile(packageFile(build?.dockerfile ?? ''), 'utf8')
    const copies = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)]
    for (const file of copies.flatMap((copy) => copy[1]?.split(' ') ?? [])) {
      t.ok(existsSync(packageFile(file)), file)
      t.ok(ignored.includes('!' + file), `${file} is not ignored`)
    }
  }
})
