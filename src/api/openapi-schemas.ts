type Json = Record<string, unknown>

/**
 * Moves every schema with a title to `components.schemas` and points there instead: what many
 * routes share is said once, and generated clients get types with names.
 */
export function nameSchemas<Document extends object> (document: Document): Document {
  const schemas: Json = {}
  const named = new Map<string, string>()

  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk)
    if (typeof value !== 'object' || value === null) return value
    const copy: Json = Object.fromEntries(
      Object.entries(value).map(([name, member]) => [name, walk(member)]))
    const { title } = copy
    if (typeof title !== 'string' || !isSchema(copy)) return copy
    const name = pascalCase(title)
    const text = JSON.stringify(copy)
    // Two schemas of one title are a mistake in schemas/; the second stays where it is.
    if ((named.get(name) ?? text) !== text) return copy
    named.set(name, text)
    schemas[name] = copy
    return { $ref: `#/components/schemas/${name}` }
  }

  const { components = {}, ...rest } = document as { components?: Json }
  const walked = walk(rest) as Json
  return { ...walked, components: { ...components, schemas } } as unknown as Document
}

function isSchema (value: Json): boolean {
  return 'type' in value || 'anyOf' in value
}

function pascalCase (title: string): string {
  return title.replace(/(?:^|[^A-Za-z0-9]+)([A-Za-z0-9])/g, (_match, first: string) => {
    return first.toUpperCase()
  })
}
