/** What of JSON Schema the document uses. */
export interface Schema {
  $ref?: string
  type?: string | string[]
  description?: string
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  anyOf?: Schema[]
  enum?: unknown[]
  const?: unknown
  format?: string
  pattern?: string
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
}

interface Parameter {
  name: string
  in: string
  required?: boolean
  description?: string
  schema: Schema
}

type Content = Record<string, { schema: Schema }>

interface DescribedOperation {
  operationId: string
  summary: string
  description?: string
  tags: string[]
  parameters?: Parameter[]
  requestBody?: { content: Content }
  responses: Record<string, { content?: Content }>
}

/** The part of an OpenAPI document that the Markdown is made of. */
export interface Described {
  info: { title: string, description?: string }
  paths: Record<string, Record<string, DescribedOperation>>
  components: { schemas: Record<string, Schema> }
}

/** An operation as a page tells of it. */
export interface Operation {
  id: string
  /** Method and path. */
  name: string
  tags: readonly string[]
  summary: string
  description: string | undefined
  parameters: readonly Parameter[]
  body: ReadonlyArray<{ type: string, schema: Schema }>
  /** But for `default`, which says of every operation how it fails. */
  answers: ReadonlyArray<{ status: string, type: string, schema: Schema }>
}

/** The tags, in the order in which operations have them. */
export function tagsOf ({ paths }: Described): string[] {
  const tags = Object.values(paths).flatMap((methods) => Object.values(methods))
    .flatMap((operation) => operation.tags)
  return [...new Set(tags)]
}

/** The operations that have the tag. */
export function operationsOf ({ paths }: Described, tag: string): Operation[] {
  return Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods)
    .filter(([, { tags }]) => tags.includes(tag))
    .map(([method, operation]) => ({
      id: operation.operationId,
      name: `${method.toUpperCase()} ${path}`,
      tags: operation.tags,
      summary: operation.summary,
      description: operation.description,
      parameters: operation.parameters ?? [],
      body: contents(operation.requestBody?.content),
      answers: Object.entries(operation.responses)
        .filter(([status]) => status !== 'default')
        .flatMap(([status, { content }]) =>
          contents(content).map((each) => ({ status, ...each })))
    })))
}

function contents (content: Content = {}): Array<{ type: string, schema: Schema }> {
  return Object.entries(content).map(([type, { schema }]) => ({ type, schema }))
}
