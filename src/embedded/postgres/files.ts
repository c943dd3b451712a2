import { randomBytes } from 'node:crypto'

/** A name beside the path, for making there what is then renamed or linked to the path whole. */
export function draftOf (path: string): string {
  return `${path}.${randomBytes(6).toString('hex')}`
}

/** Whether it is an error of one of these codes, of the system or of SQL. */
export function hasCode (err: unknown, ...codes: readonly string[]): boolean {
  return err instanceof Error && 'code' in err && codes.includes(String(err.code))
}
