import type { Scope } from '../../proof/bundle.ts'
import { canonicalJson } from '../../proof/leaf.ts'
import type { Summary } from '../../proof/verify.ts'
import type { LiveSummary } from './live.ts'

/** What a file is about: it says so itself, and the verification checked it as far as is said. */
export function aboutOf ({ scope, event, sha256 }: Summary): string[] {
  return [
    ...(event === undefined
      ? []
      : [`event ${event.id}, revision ${event.revision} of ${event.stream}, ${event.type}`]),
    ...(scope === undefined ? [] : [`scope ${scopeWords(scope)}`]),
    ...(sha256 === undefined ? [] : [`sha256 ${sha256}`])
  ]
}

function scopeWords (scope: Scope): string {
  switch (scope.type) {
    case 'range': return `every leaf from ${scope.from} to before ${scope.to}`
    case 'stream': return `revisions 0 to ${scope.revisions - 1n} of ${scope.stream}, none missing`
    case 'filter': return `leaves that ${canonicalJson(scope.filter)} chose; that there are no ` +
      'others is not shown'
  }
}

/** What came of a file, in a line. */
export function fileWords (summary: Summary): string {
  const { checkpoint, leaves, proven, sealed, opened, shredded, unfollowed } = summary
  return `${checkpoint?.origin ?? 'no checkpoint'}: ${proven} of ${leaves} leaves proven in a ` +
    `tree of ${checkpoint?.size ?? 0n}, ${sealed} sealed sections, ${opened} shown, ` +
    `${shredded} shredded` +
    (unfollowed === 0 ? '' : `; revisions of ${unfollowed} leaves were not checked`)
}

/** What was compared of a ledger, in a line. */
export function liveWords (url: string, summary: LiveSummary): string {
  const { checkpoint, checkpoints, leaves, rows, removed, trails, allTrails } = summary
  return `${checkpoint?.origin ?? url}: ${leaves} leaves of the log, ${checkpoints} checkpoints, ` +
    `${rows} rows, ${removed} removed by retention, ` +
    `${allTrails ? `all ${trails}` : `${trails} of the`} trails and feeds`
}

/** A text that cannot speak to a terminal: evidence can hold anything. */
export function printable (text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{FFFD}')
}
