import { Type } from '@sinclair/typebox'
import type { FastifyReply } from 'fastify'
import { LedgerError } from '../../errors.ts'
import { tagsOf, type Described } from '../described.ts'
import { endpoint, type App, type Endpoint } from '../endpoint.ts'
import { indexText, pageOf, referenceText } from '../markdown.ts'
import type { Services } from '../services.ts'

const tags = ['documentation']
const MARKDOWN = 'text/markdown; charset=utf-8'
const TEXT = { 200: { content: { 'text/markdown': { schema: Type.String() } } } }

/** The machine index of the documentation. */
export const docsIndex = (_services: Services): Endpoint => (scope, at) => {
  const text = once(() => indexText(described(scope)))
  endpoint({
    summary: 'Index of the documentation for machines',
    description: 'llms.txt: every operation in a line, and the Markdown page that tells of it.',
    operationId: 'docsIndex',
    tags,
    response: { 200: { content: { 'text/plain': { schema: Type.String() } } } }
  }, async (_request, reply) => {
    return await reply.type('text/plain; charset=utf-8').send(text())
  })(scope, at)
}

/** The whole reference. */
export const docsReference = (_services: Services): Endpoint => (scope, at) => {
  const text = once(() => referenceText(described(scope)))
  endpoint({
    summary: 'The reference as Markdown', operationId: 'docsReference', tags, response: TEXT
  }, async (_request, reply) => await sendMarkdown(reply, text()))(scope, at)
}

/** The reference of one tag. */
export const docsPage = (_services: Services): Endpoint => (scope, at) => {
  const pages = once(() => {
    const document = described(scope)
    return new Map(tagsOf(document).map((tag) => [pageOf(tag), referenceText(document, tag)]))
  })
  endpoint({
    summary: 'A part of the reference as Markdown',
    description: 'The parts are those of the index.',
    operationId: 'docsPage',
    tags,
    params: Type.Object({ page: Type.String() }),
    response: TEXT
  }, async (request, reply) => {
    const page = pages().get(request.params.page)
    if (page === undefined) throw new LedgerError('NOT_FOUND', 'There is no such page')
    return await sendMarkdown(reply, page)
  })(scope, at)
}

/** The document that `/openapi.json` shows. */
function described (scope: App): Described {
  return JSON.parse(JSON.stringify(scope.swagger()))
}

async function sendMarkdown (reply: FastifyReply, text: string): Promise<FastifyReply> {
  return await reply.type(MARKDOWN).send(text)
}

/** What is made of the document never changes while the program runs. */
function once<T> (make: () => T): () => T {
  let made: { value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
