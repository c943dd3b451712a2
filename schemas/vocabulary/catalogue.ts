import type { ActionSchema } from './action-schema.ts'
import { COEQUAL } from './catalogue/coequal.ts'
import { EQUA } from './catalogue/equa.ts'
import { MOSAIC } from './catalogue/mosaic.ts'
import { SOVRIUM } from './catalogue/sovrium.ts'
import { TRULEDGR } from './catalogue/truledgr.ts'

/**
 * What a tenant need not register to have it said in a line: the actions of the five systems.
 * Nothing is refused for it; whoever wants that registers the action.
 */
export const CATALOGUE: ReadonlyMap<string, ActionSchema> = new Map(
  [SOVRIUM, MOSAIC, COEQUAL, TRULEDGR, EQUA].flatMap((actions) => Object.entries(actions)))
