import type { Account } from './account.ts'

/**
 * How every Postgres program is run: as the account, from a folder it can surely read, and
 * without our locale, which need not be installed (initdb then fails, or picks SQL_ASCII).
 */
export function childOptions (account: Account): {
  cwd: string, env: Record<string, string>, uid?: number, gid?: number
} {
  return { ...account, cwd: '/', env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', TZ: 'UTC' } }
}
