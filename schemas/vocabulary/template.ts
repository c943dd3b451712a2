import { escapeToken, getAt, type Violation } from '../pointer.ts'

export const TEMPLATE_MAX_LENGTH = 512
/** What stands where a template names something that an event does not say. */
export const UNSAID = '—'
/** A value in a line is cut after so many characters. */
export const VALUE_MAX_LENGTH = 200

const PLACEHOLDER = /\{([^{}]*)\}/g
const PLACE = new RegExp('^(actor|entity|source|outcome|action|description|' +
  '(actor|entity|data|before|after|context)(\\.[A-Za-z0-9_-]+)+)$')
const UNKNOWN = '{actor}: {action} {entity}'

/** Why a text is no template; empty if it is one. */
export function templateFaults (template: string, pointer: string): Violation[] {
  if (/[\n\r]/.test(template)) return [{ pointer, detail: 'must be one line' }]
  if (/[{}]/.test(template.replace(PLACEHOLDER, ''))) {
    return [{ pointer, detail: 'has a brace without its other half' }]
  }
  return [...template.matchAll(PLACEHOLDER)]
    .filter(([, place = '']) => !PLACE.test(place))
    .map(([whole]) => ({
      pointer,
      detail: `${whole} is none of {actor}, {entity}, {source}, {outcome}, {action}, ` +
        '{description} or a path such as {data.title}'
    }))
}

/** An event as one line, without looking anything up; without a template in general words. */
export function renderLine (template: string | undefined, event: object): string {
  const line = (template ?? UNKNOWN).replace(PLACEHOLDER, (_whole, place: string) => {
    const pointer = place.split('.').map((name) => `/${escapeToken(name)}`).join('')
    return worded(getAt(event, pointer))
  })
  return template === undefined ? line.replace(` ${UNSAID}`, '') : line
}

/** Who or what by name, else by id; a value as it is; what is hidden or missing by a dash. */
function worded (value: unknown): string {
  if (typeof value === 'string') return shortened(value)
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (Array.isArray(value)) return shortened(value.map(worded).join(', ') || UNSAID)
  if (typeof value !== 'object' || value === null) return UNSAID
  if (getAt(value, '/erased') === true) return 'somebody who was erased'
  if (getAt(value, '/sealed') === true || getAt(value, '/tampered') === true) return UNSAID
  const named = [getAt(value, '/name'), getAt(value, '/id'), getAt(value, '/type')]
  const found = named.find((text) => typeof text === 'string')
  return typeof found === 'string' ? shortened(found) : UNSAID
}

/** One line stays one line. */
function shortened (text: string): string {
  const line = text.replace(/\s+/g, ' ')
  return line.length > VALUE_MAX_LENGTH ? line.slice(0, VALUE_MAX_LENGTH) + '…' : line
}
