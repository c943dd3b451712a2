import fc from 'fast-check'
import t from 'tap'

import { LARGE, partsBetween, placesOf, SMALL } from '../../../projections/search/places.ts'
import { parseSearch, SEARCH_WORDS_MAX } from '../../../projections/search/query.ts'
import { WORD_MAX_LENGTH, wordsOf } from '../../../projections/search/words.ts'

t.test('words are runs of letters and digits, in lower case and without accents', async (t) => {
  t.strictSame(wordsOf('Order.updated: INV-2026_007!'), ['order', 'updated', 'inv', '2026', '007'])
  t.strictSame(wordsOf('Crème brûlée, Straße, ΣΊΣΥΦΟΣ'),
    ['creme', 'brulee', 'strasse', 'σισυφοσ'].map((word) => wordsOf(word)[0]))
  t.strictSame(wordsOf('заказ 注文 ২০২৬'), ['заказ', '注文', '২০২৬'])
  t.strictSame(wordsOf(' -- ""\'\\ '), [])
  const uuid = '0198F3A2-0000-7000-8000-00000000abcd'
  t.strictSame(wordsOf(`of ${uuid}.`), ['of', uuid.toLowerCase().replaceAll('-', '')])
})

t.test('a word is kept to its limit and found beyond it by its beginning', async (t) => {
  const long = 'x'.repeat(WORD_MAX_LENGTH)
  t.strictSame(wordsOf(long), [long])
  t.strictSame(wordsOf(long + 'y'), [long])
})

t.test('a word means itself, however it is written', async (t) => {
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => {
    const words = wordsOf(text)
    t.strictSame(words.flatMap(wordsOf), words)
    for (const word of words) if (!/^[\p{L}\p{N}\p{M}]+$/u.test(word)) t.fail(word)
    t.strictSame(wordsOf(text.normalize('NFD')), wordsOf(text.normalize('NFC')))
  }))
})

t.test('a search is words, phrases and beginnings', async (t) => {
  const cases: Array<[string, string, string]> = [
    ['order', "'order'", "('order')"],
    ['Order  paid', "'order' & 'paid'", "('order') & ('paid')"],
    ['"team 7" paid', "'team' & '7' & 'paid'", "('team' <-> '7') & ('paid')"],
    ['order.updated', "'order' & 'updated'", "('order' <-> 'updated')"],
    ['inv*', "('inv':*)", "('inv':*)"],
    ['paid inv*', "'paid'", "('paid') & ('inv':*)"],
    ['"never closed', "'never' & 'closed'", "('never' <-> 'closed')"],
    ['"not to begin*"', "'not' & 'to'", "('not' <-> 'to' <-> 'begin':*)"]
  ]
  for (const [text, needed, query] of cases) {
    t.strictSame(parseSearch(text), { needed, query }, text)
  }
  t.strictSame(parseSearch('"to be*"'), { fault: 'begin* takes 3 letters or more' })
  t.strictSame(parseSearch('!!! ""'), { fault: 'has no word in it' })
  const most = Array.from({ length: SEARCH_WORDS_MAX }, (_, n) => `w${n}`).join(' ')
  t.match(parseSearch(most), { query: String })
  t.match(parseSearch(most + ' more'), { fault: 'has more than 16 words' })
})

t.test('whatever is typed, a search is made of words and operators of our own', async (t) => {
  const form = /^\('[^']+'(?: <-> '[^']+')*(?::\*)?\)(?: & \('[^']+'(?: <-> '[^']+')*(?::\*)?\))*$/
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 256 }), (text) => {
    const parsed = parseSearch(text)
    if ('fault' in parsed) return
    if (!form.test(parsed.query)) t.fail(parsed.query)
    for (const [, word = ''] of parsed.query.matchAll(/'([^']*)'/g)) {
      if (!/^[\p{L}\p{N}\p{M}]+$/u.test(word)) t.fail(word)
    }
  }))
})

t.test('the parts of the log are all of it, in order, each inside one piece', async (t) => {
  const position = fc.bigInt(0n, 1n << 40n)
  const length = fc.bigInt(0n, 1n << 32n)
  fc.assert(fc.property(position, length, fc.boolean(), (low, size, oldestFirst) => {
    const parts = partsBetween(low, low + size, oldestFirst)
    const ordered = oldestFirst ? parts : parts.toReversed()
    t.equal(ordered.reduce((at, part) => {
      t.equal(part.low, at)
      if (part.low >> part.level.bits !== (part.high - 1n) >> part.level.bits) t.fail('two pieces')
      return part.high
    }, low), low + size)
  }), { numRuns: 50 })
  t.strictSame(partsBetween(5n, 5n), [])
})

t.test('an event is in one piece of each kind, and in no other tenant\'s', async (t) => {
  t.strictSame(placesOf('acme', (0x1fn << SMALL.bits) + 7n), ['acme/1f', 'acme:0'])
  t.strictSame(placesOf('acme', 0x2bn << LARGE.bits), ['acme/560', 'acme:2b'])
})
