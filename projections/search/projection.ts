import { bigintColumn, textColumn } from '../columns.ts'
import type { Projection, Statement } from '../projection.ts'
import { vectorOf } from './vector.ts'

const INSERT_WORDS: Statement = {
  name: 'insert_words',
  text: `
    insert into entry_words (position, words)
    select unnest($1::bigint[]), unnest($2::text[])::tsvector
    on conflict do nothing`
}

/**
 * Enters what the batch has added, word by word and not event by event, which costs a third. Every
 * search would otherwise read through what is still to be entered.
 */
const ENTER_WORDS: Statement = {
  name: 'enter_words',
  text: "select gin_clean_pending_list('entry_words_gin')"
}

/** The lexeme of its piece says whose an event is. */
const REMOVE_WORDS: Statement = {
  name: 'remove_words',
  text: `
    delete from entry_words
    where position = any($2::bigint[])
      and ts_match_vq(words, quote_literal($1::text || '/' || to_hex(position >> 21))::tsquery)`
}

/** The words of every event. They name nobody, so erasing a person leaves them as they are. */
export const search: Projection = {
  name: 'search',
  version: 1,
  tables: 'projections/search/tables.sql',
  views: ['entry_words'],
  async apply ({ events }, tx) {
    await Promise.all([
      tx.query(INSERT_WORDS, [
        bigintColumn(events.map(({ position }) => position)), textColumn(events.map(vectorOf))
      ]),
      tx.query(ENTER_WORDS)
    ])
  },
  async remove ({ tenant, positions }, tx) {
    await tx.query(REMOVE_WORDS, [tenant, bigintColumn(positions)])
  }
}
