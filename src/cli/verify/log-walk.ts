import { CHECKPOINT_ACTION } from '../../../schemas/checkpoint.ts'
import type { DecodedEvent } from '../../../schemas/recorded.ts'
import { decode } from '../../ledger/codec.ts'
import { fault, type Finding } from '../../proof/finding.ts'
import { isObject } from '../../proof/leaf.ts'
import { append, EMPTY_FRONTIER, frontierRoot } from '../../proof/merkle.ts'
import { Evidence } from './evidence.ts'
import type { Heads } from './heads.ts'
import type { Remote } from './remote.ts'
import type { TrailSample } from './trail-sample.ts'

const RESUMPTIONS_MAX = 10

export interface LogWalk {
  remote: Remote
  heads: Heads
  tell: (findings: readonly Finding[]) => void
  /** Takes note of which trails show a leaf. */
  sample: TrailSample
  onLeaf: () => void
}

/**
 * Reads the tenant's events from the log itself, grows the tree of them, and compares its root
 * with every checkpoint on the way. Leaves beyond the last checkpoint are left out.
 */
export async function walkLog (walk: LogWalk): Promise<Evidence> {
  const { remote, heads, tell, sample, onLeaf } = walk
  const evidence = new Evidence()
  const size = Number(heads.last?.size ?? 0n)
  let frontier = EMPTY_FRONTIER
  for await (const event of replayed(remote, `until=${heads.until}`, tell)) {
    if (event.action === CHECKPOINT_ACTION) continue
    if (evidence.size >= size) {
      // Recorded while the checkpoint was made, and shown by rows as this is.
      evidence.noteChange(event)
      continue
    }
    sample.see(event, evidence.size)
    evidence.add(event)
    frontier = append(frontier, [event.leafHash])
    onLeaf()
    const roots = heads.roots.get(frontier.size)
    if (roots === undefined) continue
    const root = frontierRoot(frontier)
    if (roots.length > 1) {
      tell([fault('forked', `${roots.length} trees of ${frontier.size} leaves were signed`)])
    }
    if (!roots.some((signed) => signed.equals(root))) {
      tell([fault('tampered',
        `the first ${frontier.size} leaves of the log are not those that were signed`)])
    }
  }
  if (evidence.size < size) {
    const message = `the log has ${evidence.size} leaves of the ${size} that were signed`
    tell([fault('missing', message, { index: BigInt(evidence.size) })])
  }
  return evidence
}

/** Takes note of what was removed or erased after the last checkpoint: rows may show it already. */
export async function walkLaterChanges (
  { remote, heads, tell }: Pick<LogWalk, 'remote' | 'heads' | 'tell'>, evidence: Evidence
): Promise<void> {
  for await (const event of replayed(remote, `after=${heads.until}`, tell)) {
    evidence.noteChange(event)
  }
}

/** The records of a replay, gone on with where it breaks off. Others are said and left out. */
async function * replayed (
  remote: Remote, query: string, tell: (findings: readonly Finding[]) => void
): AsyncGenerator<DecodedEvent> {
  let asked = query
  for (let tries = 0; tries < RESUMPTIONS_MAX; tries++) {
    let end: Record<string, unknown> | undefined
    for await (const text of remote.lines(`/v1/replay?${asked}`)) {
      const line: unknown = JSON.parse(text)
      if (!isObject(line)) continue
      if (line['end'] === true) end = line
      else yield * recordOf(line, tell)
    }
    if (end?.['complete'] === true) return
    if (typeof end?.['resume'] !== 'string') break
    asked = end['resume']
  }
  tell([fault('truncated', 'the replay of the log broke off')])
}

function recordOf (
  line: Record<string, unknown>, tell: (findings: readonly Finding[]) => void
): DecodedEvent[] {
  const { id, stream, revision, position, type, data, metadata } = line
  const decoded = decode({
    id: String(id),
    stream: String(stream),
    revision: BigInt(String(revision)),
    position: BigInt(String(position)),
    prepare: BigInt(String(position)),
    type: String(type),
    data,
    metadata
  })
  if (decoded.ok) return [decoded.event]
  const message = `revision ${String(revision)} of ${String(stream)} is no record: ` +
    `${decoded.code}, ${decoded.reason}`
  tell([{ kind: 'foreign', severity: 'info', message }])
  return []
}
