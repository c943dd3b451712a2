import type { ExportFormat } from '../../schemas/events/export.ts'
import { CSV_HEADER, csvRecords } from './csv.ts'

/** Formats that are made of events as a list shows them. */
export type ListFormat = Exclude<ExportFormat, 'bundle'>

/** How pages of events become one text: the head, every page, the tail. */
interface Framing {
  head: string
  /** JSON texts of events, at least one; `first`: no event was before them. */
  page: (texts: readonly string[], first: boolean) => string
  tail: string
}

/** UTF-8 without a byte order mark; nothing in them depends on when or by whom they are made. */
export const FRAMINGS: Readonly<Record<ListFormat, Framing>> = {
  csv: {
    head: CSV_HEADER,
    page: (texts) => csvRecords(texts.map((text) => JSON.parse(text))),
    tail: ''
  },
  json: {
    head: '[',
    page: (texts, first) => (first ? '\n' : ',\n') + texts.join(',\n'),
    tail: '\n]\n'
  },
  ndjson: {
    head: '',
    page: (texts) => texts.join('\n') + '\n',
    tail: ''
  }
}

/** The media type of each format; a bundle is NDJSON too. */
export const MEDIA_TYPES: Readonly<Record<ExportFormat, string>> = {
  csv: 'text/csv; charset=utf-8; header=present',
  json: 'application/json; charset=utf-8',
  ndjson: 'application/x-ndjson',
  bundle: 'application/x-ndjson'
}
