import { getAt } from '../../schemas/pointer.ts'
import type { Change } from '../../schemas/primitives.ts'
import { diff, leaves, patch } from './diff.ts'

/**
 * What one event says of its entity's state. A member that is sealed and could not be opened has
 * to be left out: `null` means that there is nothing any more.
 */
export interface Step<By> {
  /** What the fields that the event set are marked with: who, when, which event. */
  by: By
  /** `data.operation` of a change. */
  operation?: string | undefined
  before?: unknown
  after?: unknown
  changes?: readonly Change[] | undefined
}

/** An entity at a moment. */
export interface Folded<By> {
  /** Undefined before the first event that says something of it, and after a delete. */
  state: unknown
  /** Pointer of every leaf of the state -> what set it last. */
  setBy: ReadonlyMap<string, By>
}

/** Where folding starts: nothing is known. */
export function nothing<By> (): Folded<By> {
  return { state: undefined, setBy: new Map() }
}

/** The entity after all steps, which are in order of revision. */
export function fold<By> (steps: Iterable<Step<By>>, from: Folded<By> = nothing()): Folded<By> {
  let folded = from
  for (const step of steps) folded = foldStep(folded, step)
  return folded
}

/**
 * The entity after one more step:
 * - `changes` are applied one by one;
 * - `before` and `after`, both objects: what differs between them is applied, which is right
 *   for whole states and for producers that send only the fields they touched;
 * - `after` alone, or after a create or restore, is the state as it is;
 * - `after: null`, or operation delete: the entity is gone;
 * - otherwise the event says nothing of the state.
 */
export function foldStep<By> (folded: Folded<By>, step: Step<By>): Folded<By> {
  const state = nextState(folded.state, step)
  if (state === folded.state) return folded
  return { state, setBy: mark(folded.setBy, diff(folded.state, state), state, step.by) }
}

function nextState (state: unknown, step: Step<unknown>): unknown {
  const { operation, before, after, changes } = step
  if (operation === 'delete' || after === null) return undefined
  if (changes !== undefined && changes.length > 0) return patch(state, changes)
  if (after === undefined) return state
  const starts = operation === 'create' || operation === 'restore' || state === undefined
  if (starts || !isContainer(before) || !isContainer(after)) return after
  return patch(state, diff(before, after))
}

function isContainer (value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function mark<By> (
  setBy: ReadonlyMap<string, By>, changes: readonly Change[], state: unknown, by: By
): Map<string, By> {
  const marked = new Map(setBy)
  for (const { path, before, after } of changes) {
    for (const leaf of leaves(before, path)) marked.delete(leaf)
    for (const leaf of leaves(after, path)) marked.set(leaf, by)
    markParent(marked, path, state, by)
  }
  return marked
}

/** A container is a leaf while it is empty, and only then. */
function markParent<By> (
  marked: Map<string, By>, path: string, state: unknown, by: By
): void {
  if (path === '') return
  const parent = path.slice(0, path.lastIndexOf('/'))
  const value = getAt(state, parent)
  if (isContainer(value) && Object.keys(value ?? {}).length === 0) marked.set(parent, by)
  else marked.delete(parent)
}
