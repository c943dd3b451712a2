/** The node's command line: what a terminal or a parent process says of it. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { NodeOptions } from './node.ts'

const PORT_MAX = 65_535
/** What the official server can be configured to, too. */
const APPEND_SIZE_MAX = 16 * 1024 * 1024

/** The options of the command line; an argument that is unknown or not valid is an Error. */
export function readOptions (args: string[]): NodeOptions {
  const { values } = parseArgs({
    args,
    options: {
      data: { type: 'string' },
      host: { type: 'string' },
      port: { type: 'string' },
      'max-append-size': { type: 'string' },
      'tls-cert': { type: 'string' },
      'tls-key': { type: 'string' },
      user: { type: 'string', multiple: true }
    }
  })
  if (values.data === undefined) throw new Error('--data DIR is missing')
  const maxAppendSize = values['max-append-size']
  const tls = readTls(values['tls-cert'], values['tls-key'])
  return {
    dataDir: values.data,
    tls,
    users: (values.user ?? []).map(readUser),
    ...(values.host === undefined ? {} : { host: values.host }),
    ...(values.port === undefined ? {} : { port: integer('port', values.port, PORT_MAX) }),
    ...(maxAppendSize === undefined
      ? {}
      : { maxAppendSize: integer('max-append-size', maxAppendSize, APPEND_SIZE_MAX) })
  }
}

function readTls (
  cert: string | undefined, key: string | undefined
): { cert: string, key: string } | undefined {
  if (cert === undefined && key === undefined) return undefined
  if (cert === undefined || key === undefined) {
    throw new Error('--tls-cert and --tls-key go together')
  }
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
}

function readUser (text: string): { name: string, password: string } {
  const colon = text.indexOf(':')
  if (colon < 1 || colon === text.length - 1) throw new Error('--user takes NAME:PASSWORD')
  return { name: text.slice(0, colon), password: text.slice(colon + 1) }
}

function integer (name: string, text: string, max: number): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new Error(`--${name} must be a number from 0 to ${max}, not "${text}"`)
  }
  return value
}
