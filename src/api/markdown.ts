import { operationsOf, tagsOf, type Described, type Operation, type Schema } from './described.ts'

/** Levels of a schema that are spelt out; what is deeper has a name or is short anyway. */
const DEPTH_MAX = 4

/** The page of a tag: `trails and feeds` is `trails-and-feeds`. */
export function pageOf (tag: string): string {
  return tag.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
}

/** The machine index of the documentation (llmstxt.org): every operation, and where it is told. */
export function indexText (document: Described): string {
  const { title, description = '' } = document.info
  const [first = '', ...rest] = description.split('\n\n')
  const sections = tagsOf(document).map((tag) => [
    `## ${tag}`,
    operationsOf(document, tag).map(({ name, id, summary }) =>
      `- [${name}](/docs/${pageOf(tag)}.md#${anchor(id)}): ${summary}`).join('\n')
  ].join('\n\n'))
  return lines([
    `# ${title}`,
    `> ${first.replaceAll('\n', ' ')}`,
    ...rest,
    '- [The whole reference on one page](/docs.md)\n' +
      '- [OpenAPI 3.1](/openapi.json): the same, for programs',
    ...sections
  ])
}

/** The reference as Markdown: of one tag, or of all. */
export function referenceText (document: Described, only?: string): string {
  const { title, description = '' } = document.info
  const tags = tagsOf(document).filter((tag) => only === undefined || tag === only)
  // On one page, what has several tags is told under the first.
  const operations = tags.map((tag) => operationsOf(document, tag)
    .filter(({ tags: [first] }) => only !== undefined || first === tag))
  const texts = tags.map((tag, index) => lines([
    `## ${tag}`, ...(operations[index] ?? []).map(operationText)
  ]))
  const names = namesIn(document, operations.flat())
  const schemas = names.map((name) =>
    lines([`### ${name}`, fields(document.components.schemas[name] ?? {}, 0)]))
  return lines([
    `# ${title}${only === undefined ? '' : `: ${only}`}`,
    ...only === undefined ? [description] : ['[Index](/llms.txt)'],
    ...texts,
    ...schemas.length === 0 ? [] : ['## Schemas', ...schemas]
  ])
}

function operationText (operation: Operation): string {
  const { id, name, summary, description, parameters, body, answers } = operation
  return lines([
    `<a id="${anchor(id)}"></a>\n### ${name}`,
    `${summary}.${description === undefined ? '' : ` ${description}`}`,
    parameters.map(({ name, in: place, required, schema, description }) => {
      const said = description ?? schema.description
      return `- \`${name}\` (${place}${required ? ', required' : ''}): ${typeText(schema)}` +
        (said === undefined ? '' : `. ${said}`)
    }).join('\n'),
    ...body.map(({ type, schema }) => lines([`Takes \`${type}\`:`, fields(schema, 0)])),
    ...answers.map(({ status, type, schema }) =>
      lines([`Answers ${status}${type === '' ? '' : ` \`${type}\``}:`, fields(schema, 0)]))
  ])
}

/** The members of an object one by one; of anything else its type. */
function fields (schema: Schema, depth: number): string {
  const indent = '  '.repeat(depth)
  const { properties } = schema
  if (properties === undefined || depth >= DEPTH_MAX) return `${indent}- ${typeText(schema)}`
  return Object.entries(properties).map(([name, member]) => {
    const optional = schema.required?.includes(name) === true ? '' : '?'
    const said = member.description === undefined ? '' : `. ${member.description}`
    const inner = member.properties ?? member.items?.properties
    const below = inner === undefined || depth + 1 >= DEPTH_MAX
      ? ''
      : '\n' + fields(member.properties === undefined ? member.items ?? {} : member, depth + 1)
    return `${indent}- \`${name}\`${optional}: ${typeText(member)}${said}${below}`
  }).join('\n')
}

function typeText (schema: Schema): string {
  const { $ref, const: value, anyOf, items, type, format, pattern } = schema
  if ($ref !== undefined) {
    const name = nameOf($ref)
    return `[${name}](#${anchor(name)})`
  }
  if (value !== undefined) return `\`${JSON.stringify(value)}\``
  if (schema.enum !== undefined) return schema.enum.map((each) => `\`${each}\``).join(' | ')
  if (anyOf !== undefined) return anyOf.map(typeText).join(' | ')
  if (items !== undefined) return `array of ${typeText(items)}`
  const limits = [
    format, pattern === undefined ? undefined : `\`${pattern}\``,
    range(schema.minimum, schema.maximum, ''), range(schema.minLength, schema.maxLength, ' long')
  ].filter((limit) => limit !== undefined)
  return [[type ?? 'any'].flat().join(' | '), ...limits].join(', ')
}

function range (
  least: number | undefined, most: number | undefined, what: string
): string | undefined {
  if (least === undefined && most === undefined) return undefined
  return `${least ?? ''} to ${most ?? ''}${what}`.trim()
}

/** The named schemas that operations speak of, and those that these speak of, each once. */
function namesIn ({ components }: Described, operations: readonly Operation[]): string[] {
  const names = new Set<string>()
  const waiting: unknown[] = [operations]
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    for (const [, name = ''] of JSON.stringify(value).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      if (names.has(name)) continue
      names.add(name)
      waiting.push(components.schemas[name] ?? {})
    }
  }
  return [...names].sort()
}

function nameOf (ref: string): string {
  return ref.slice(ref.lastIndexOf('/') + 1)
}

function anchor (id: string): string {
  return id.toLowerCase()
}

/** Paragraphs, without those that are empty. */
function lines (paragraphs: readonly string[]): string {
  return paragraphs.filter((text) => text !== '').join('\n\n')
}
