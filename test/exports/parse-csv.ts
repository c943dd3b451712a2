/** Records of a CSV text, by the grammar of RFC 4180 section 2 and nothing looser. */
export function parseCsv (text: string): string[][] {
  const records: string[][] = []
  let cells: string[] = []
  let at = 0
  while (at < text.length) {
    const [cell, next] = text[at] === '"' ? quoted(text, at) : plain(text, at)
    cells.push(cell)
    at = next
    if (text[at] === ',') {
      at++
      if (at === text.length) throw new Error('ends in a comma')
      continue
    }
    if (!text.startsWith('\r\n', at)) throw new Error(`no end of a record at ${at}`)
    records.push(cells)
    cells = []
    at += 2
  }
  if (cells.length > 0) throw new Error('the last record has no end')
  return records
}

function plain (text: string, from: number): [string, number] {
  const end = /[,"\r\n]/g
  end.lastIndex = from
  const to = end.exec(text)?.index ?? text.length
  if (text[to] === '"') throw new Error(`a quote inside a plain cell at ${to}`)
  return [text.slice(from, to), to]
}

function quoted (text: string, from: number): [string, number] {
  let cell = ''
  for (let at = from + 1; ;) {
    const quote = text.indexOf('"', at)
    if (quote < 0) throw new Error(`a cell without its end at ${from}`)
    cell += text.slice(at, quote)
    if (text[quote + 1] !== '"') return [cell, quote + 1]
    cell += '"'
    at = quote + 2
  }
}
