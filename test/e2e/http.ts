/** A producer's and reader's view of a running API. */
export interface Client {
  get: (path: string) => Promise<Answer>
  post: (path: string, body: unknown, headers?: Record<string, string>) => Promise<Answer>
}

export interface Answer {
  status: number
  headers: Headers
  text: string
  /** The parsed body; undefined when it is not one JSON text. */
  json: () => unknown
}

/** Requests with a key; a lost connection is status 0, as a producer has to see it. */
export function client (address: string, key: string): Client {
  const request = async (path: string, init: RequestInit): Promise<Answer> => {
    try {
      const response = await fetch(address + path, {
        ...init,
        headers: { authorization: `Bearer ${key}`, ...init.headers },
        signal: AbortSignal.timeout(40_000)
      })
      const text = await response.text()
      return {
        status: response.status, headers: response.headers, text, json: () => JSON.parse(text)
      }
    } catch (err) {
      return { status: 0, headers: new Headers(), text: String(err), json: () => undefined }
    }
  }
  return {
    get: async (path) => await request(path, {}),
    post: async (path, body, headers = {}) => await request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body)
    })
  }
}

export interface Listed {
  items: Array<{ id: string, action: string, stream: string, revision: string, position: string }>
  nextCursor: string | null
}

/** Every event a list has, page by page. */
export async function allPages (reader: Client, path: string): Promise<Listed['items']> {
  const items: Listed['items'] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const at = `${path}${path.includes('?') ? '&' : '?'}limit=200` +
      (cursor === '' ? '' : `&cursor=${cursor}`)
    const answer = await reader.get(at)
    if (answer.status !== 200) throw new Error(`${at}: ${answer.status} ${answer.text}`)
    const page = answer.json() as Listed
    items.push(...page.items)
    cursor = page.nextCursor
  }
  return items
}
