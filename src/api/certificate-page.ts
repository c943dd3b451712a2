import { createHash } from 'node:crypto'
import type { Certificate, RecipientExport } from '../../schemas/http/erasures.ts'

const STYLE = `body{font:16px/1.5 serif;max-width:46em;margin:3em auto;padding:0 1em;color:#111}
h1{font-size:1.6em}table{border-collapse:collapse;width:100%;margin:1em 0}
th,td{text-align:left;vertical-align:top;padding:.25em .75em .25em 0;border-bottom:1px solid #ccc}
th{width:13em;font-weight:normal;color:#555}code{font-size:.85em;word-break:break-all}
@media print{body{margin:0}}`

/** What the page may do: have this style, and nothing else. CSP level 2, hash of the style. */
export const CERTIFICATE_CSP = "default-src 'none'; frame-ancestors 'none'; " +
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`

/** The certificate as a page to print: no script, nothing loaded from anywhere. */
export function certificatePage (certificate: Certificate): string {
  const { tenant, erasure, events, exports, recipientsToNotify, title } = certificate
  const { result } = erasure
  const facts: Array<[string, string]> = [
    ['Tenant', tenant],
    ['Erasure', erasure.id],
    ['Subject', `${erasure.subject.type}, known by the random ref ${erasure.subject.ref} only`],
    ['Legal basis', erasure.legalBasis],
    ['Reason', erasure.reason],
    ['Requested', `${erasure.requestedAt} by ${keyText(erasure.requestedBy)}`],
    ['Approved', erasure.approvedAt === null
      ? 'no second approval was needed'
      : `${erasure.approvedAt} by ${keyText(erasure.approvedBy)}`],
    ['Holds checked', `${erasure.holdsChecked ?? 0} active, none forbade it`],
    ['Ordered', erasure.orderedAt ?? ''],
    ['Executed', erasure.executedAt ?? ''],
    ['Verified', erasure.verified === null
      ? 'not yet: a master key that wrapped the destroyed key is still in use or kept'
      : `${erasure.verified.at}: ${masterKeysText(erasure.verified)} destroyed too; copies of it ` +
        'in backups are of no use'],
    ['Events affected', String(result?.events ?? 0)],
    ['First and last position',
      `${result?.firstPosition ?? '–'} to ${result?.lastPosition ?? '–'}`],
    ['Rows changed', Object.entries(result?.rows ?? {})
      .map(([table, count]) => `${table}: ${count}`).join(', ')],
    ['Sealed too late', String(erasure.lateEvents)],
    ['Recipients to be told', recipientsToNotify.join(', ') || 'none named'],
    ['Exports that may show them', (exports.map(exportText).join('; ') || 'none') +
      (certificate.moreExports ? '; and older ones' : '')]
  ]
  const rows = facts.map(([name, value]) => `<tr><th>${escape(name)}<td>${escape(value)}`).join('')
  const proofs = events.map(({ action, stream, revision, position, leafHash }) =>
    `<tr><th>${escape(action)}<td>position ${escape(position)}, revision ${escape(revision)} of ` +
    `<code>${escape(stream)}</code><br>leaf <code>${escape(leafHash)}</code>`).join('')
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>
<style>${STYLE}</style><h1>${title}</h1>
<p>The key of this person's data was destroyed. What was sealed under it cannot be read by
anybody, wherever copies of it lie. The events stay in the log, unaltered, and so do their
proofs.</p>
<table>${rows}</table>
<h2>On record</h2><table>${proofs}</table></html>
`
}

function masterKeysText (
  { masterKey, olderMasterKeys }: NonNullable<Certificate['erasure']['verified']>
): string {
  const all = [masterKey, ...olderMasterKeys].map((key) => `master key ${key}`)
  return `${all.join(' and ')}, which wrapped the destroyed key, ${all.length > 1 ? 'were' : 'was'}`
}

function keyText (key: { id: string, name: string | null } | null): string {
  return key === null ? '' : `key ${key.name ?? ''} (${key.id})`
}

function exportText ({ id, requestedAt, requestedBy, downloadedBy }: RecipientExport): string {
  return `${id} of ${requestedAt} for ${keyText(requestedBy)}, downloaded by ` +
    (downloadedBy.map(keyText).join(', ') || 'nobody')
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;'
}

function escape (text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}
