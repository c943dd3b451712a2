/** A stretch of occurredAt: from inclusive, to exclusive. RFC 3339, UTC. */
export interface Span {
  from?: string | undefined
  to?: string | undefined
}

/** How a span is counted: whole days from what is kept by the day, what is left event by event. */
export interface Spans {
  /** Days (YYYY-MM-DD), both inclusive; undefined: not one of them is whole. */
  days: Span | undefined
  raw: Span[]
}

const DAY_MS = 86_400_000
/** After the last day that a timestamp can say. */
const END_MS = Date.UTC(10_000, 0, 1)

/** Cuts a span that is not empty at the first and the last midnight (UTC) inside it. */
export function spansOf ({ from, to }: Span): Spans {
  const startMs = from === undefined ? -Infinity : Date.parse(from)
  const endMs = to === undefined ? END_MS : Date.parse(to)
  const firstMs = Math.ceil(startMs / DAY_MS) * DAY_MS
  const lastMs = Math.floor(endMs / DAY_MS) * DAY_MS
  if (firstMs >= lastMs) return whole({ from, to })
  return {
    days: {
      from: from === undefined ? undefined : dayOf(firstMs),
      to: to === undefined ? undefined : dayOf(lastMs - DAY_MS)
    },
    raw: [
      ...firstMs === startMs ? [] : [{ from, to: new Date(firstMs).toISOString() }],
      ...lastMs === endMs ? [] : [{ from: new Date(lastMs).toISOString(), to }]
    ]
  }
}

/** The span as it is, event by event. */
export function whole (span: Span): Spans {
  return { days: undefined, raw: [span] }
}

function dayOf (ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
