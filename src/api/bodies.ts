import type { FastifyRequest } from 'fastify'
import { parseStrictJson } from '../../schemas/strict-json.ts'
import { LedgerError } from '../errors.ts'
import type { App } from './endpoint.ts'
import { refusal } from './validator.ts'

export const JSON_TYPE = 'application/json'
export const NDJSON_TYPE = 'application/x-ndjson'
export const CLOUD_EVENT_TYPE = 'application/cloudevents+json'
export const CLOUD_EVENTS_TYPE = 'application/cloudevents-batch+json'
const APPENDED = [JSON_TYPE, NDJSON_TYPE, CLOUD_EVENT_TYPE, CLOUD_EVENTS_TYPE]

/** What says that a body was not encoded (RFC 9110, 12.5.3). */
const AS_IT_IS = new Set(['', 'identity'])

/**
 * The exact spellings of a media type that are taken: anything looser has been a way around
 * validation in frameworks that parse and check a type differently.
 */
const MEDIA_TYPE = new RegExp('^(application/(?:json|x-ndjson|cloudevents(?:-batch)?\\+json))' +
  '(?:; ?charset=(?:utf-8|"utf-8"))?$', 'i')

/**
 * The media type of a body, lower case; throws UNSUPPORTED_MEDIA_TYPE for any other spelling, and
 * for a body that was compressed (RFC 9110, 15.5.16).
 */
export function mediaTypeOf (request: FastifyRequest): string {
  const { 'content-type': given, 'content-encoding': coding = '' } = request.headers
  if (!AS_IT_IS.has(coding.toLowerCase())) {
    throw new LedgerError('UNSUPPORTED_MEDIA_TYPE',
      'The body must be sent as it is: no Content-Encoding is taken here')
  }
  const type = MEDIA_TYPE.exec(given ?? '')?.[1]?.toLowerCase()
  if (type !== undefined) return type
  throw new LedgerError('UNSUPPORTED_MEDIA_TYPE', given === undefined
    ? 'The body needs a Content-Type'
    : 'The Content-Type is not one that is taken here, or is spelled unusually')
}

/** JSON bodies only, parsed without losing or changing anything; refused otherwise. */
export function takeJson (app: App): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(JSON_TYPE, { parseAs: 'buffer' }, async (
    request: FastifyRequest, body: Buffer
  ) => {
    mediaTypeOf(request)
    const parsed = parseStrictJson(body)
    // Fastify takes null for no body, and so does the validator: one that was sent is refused here.
    if (parsed.ok && parsed.value === null) throw refusal([{ pointer: '', detail: 'is null' }])
    if (parsed.ok) return parsed.value
    throw new LedgerError('INVALID_JSON', 'The body cannot be kept unaltered', {
      violations: parsed.violations
    })
  })
}

/** Bodies that are appended, as the bytes that were sent: for whoever splits and checks them. */
export function takeBytes (app: App): void {
  app.removeAllContentTypeParsers()
  for (const type of APPENDED) {
    app.addContentTypeParser(type, { parseAs: 'buffer' }, async (
      request: FastifyRequest, body: Buffer
    ) => {
      mediaTypeOf(request)
      return body
    })
  }
}
