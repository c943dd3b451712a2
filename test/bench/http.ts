/** JSON over HTTP for setting up and checking; never for what is measured. */

const TIMEOUT_MS = 30_000

export interface Call {
  readonly method?: 'GET' | 'POST'
  /** Whole header lines, as the load generator uses them. */
  readonly credential: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

/** One call; any status is an answer. Throws when there is none within 30 s. */
export async function call (
  url: string, { method, credential, body, headers }: Call
): Promise<Reply> {
  const lines = credential.split('\r\n').filter((line) => line !== '')
  const own = Object.fromEntries(lines.map((line) => line.split(': ', 2)))
  const response = await fetch(url, {
    method: method ?? 'GET',
    headers: {
      ...own, ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' })
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(TIMEOUT_MS)
  })
  const text = await response.text()
  const isJson = /json/.test(response.headers.get('content-type') ?? '')
  return {
    status: response.status,
    headers: response.headers,
    body: isJson && text !== '' ? JSON.parse(text) : text
  }
}

/** The same; throws for any status but 2xx. */
export async function mustCall (url: string, options: Call): Promise<Reply> {
  const reply = await call(url, options)
  if (reply.status >= 200 && reply.status < 300) return reply
  const said = JSON.stringify(reply.body)
  throw new Error(`${options.method ?? 'GET'} ${url}: ${reply.status} ${said}`)
}

/** A member of a JSON object as text; throws when it is not there. */
export function textOf (value: unknown, member: string): string {
  const found: unknown = typeof value === 'object' && value !== null
    ? Reflect.get(value, member)
    : undefined
  if (typeof found === 'string') return found
  throw new Error(`no ${member} in ${JSON.stringify(value)?.slice(0, 300)}`)
}

/** A member that is a list; throws when it is not. */
export function listOf (value: unknown, member: string): readonly unknown[] {
  const found: unknown = typeof value === 'object' && value !== null
    ? Reflect.get(value, member)
    : undefined
  if (Array.isArray(found)) return found
  throw new Error(`no list ${member} in ${JSON.stringify(value)?.slice(0, 300)}`)
}
