import { createHash } from 'node:crypto'
import { open, rename, unlink } from 'node:fs/promises'
import { LedgerError } from '../errors.ts'
import type { Pool } from '../postgres/pool.ts'
import { inTransaction, type Tx } from '../postgres/transaction.ts'
import type { MasterKey } from './master-key.ts'
import { unwrapRow } from './vault-store.ts'

const FORMAT = 'audit-ledger-vault-1'
const PAGE = 1_000

/** A row as the file has it: wrapped, so that the file opens nothing without a master key. */
interface SubjectLine {
  tenant: string
  ref: string
  lookup: string
  wrapped: string
  masterKeyId: string
  closedAt: string | null
  /** Which master keys have wrapped it since; files of before do not say, so any may have. */
  createdAt?: string
}

interface KeyLine {
  name: string
  wrapped: string
  masterKeyId: string
}

const SUBJECTS = `
  select tenant, ref, encode(lookup, 'base64') as lookup, encode(wrapped_key, 'base64') as wrapped,
    master_key_id as "masterKeyId", closed_at as "closedAt", created_at as "createdAt"
  from vault.subject where (tenant, ref) > ($1, $2::uuid) order by tenant, ref limit $3`
const KEYS = `
  select name, encode(wrapped_key, 'base64') as wrapped, master_key_id as "masterKeyId"
  from vault.key order by name`
const NIL = '00000000-0000-0000-0000-000000000000'

/**
 * Writes what the vault holds at one moment to a file that only its owner may read, one JSON text
 * a line, still wrapped, with a digest at its end. Memory is bounded. Throws ALREADY_EXISTS rather
 * than write over a file. Returns how many persons it holds.
 */
export async function exportVault (pool: Pool, path: string): Promise<number> {
  const draft = `${path}.new`
  const file = await open(draft, 'w', 0o600)
  const hash = createHash('sha256')
  const say = async (line: object): Promise<void> => {
    const text = JSON.stringify(line) + '\n'
    hash.update(text)
    await file.write(text)
  }
  try {
    if (await exists(path)) throw new LedgerError('ALREADY_EXISTS', `${path} exists already`)
    await say({ format: FORMAT, exportedAt: new Date().toISOString() })
    const count = await inTransaction(pool, async (tx) => {
      await tx.query('set transaction isolation level repeatable read, read only')
      const { rows: keys } = await tx.query<KeyLine>(KEYS)
      for (const key of keys) await say({ key })
      let subjects = 0
      for await (const subject of allSubjects(tx)) {
        await say({ subject })
        subjects++
      }
      return subjects
    })
    const end = { subjects: count, sha256: hash.digest('hex') }
    await file.write(JSON.stringify({ end }) + '\n')
    await file.sync()
    await rename(draft, path)
    return count
  } catch (err) {
    await unlink(draft).catch(() => {})
    throw err
  } finally {
    await file.close()
  }
}

async function * allSubjects (tx: Tx): AsyncGenerator<SubjectLine> {
  let [tenant, ref] = ['', NIL]
  while (true) {
    const { rows } = await tx.query<SubjectLine>(SUBJECTS, [tenant, ref, PAGE])
    yield * rows
    const last = rows.at(-1)
    if (last === undefined || rows.length < PAGE) return
    tenant = last.tenant
    ref = last.ref
  }
}

/** What a file of the vault holds, checked to its last line. */
export interface VaultFile {
  tenants: string[]
  masterKeys: string[]
  subjects: number
}

/**
 * Reads a file through and checks its digest. Throws CONFIG_INVALID, naming the line, for what is
 * no file of a vault, is cut off, or was changed.
 */
export async function checkVaultFile (path: string): Promise<VaultFile> {
  const [tenants, masterKeys] = [new Set<string>(), new Set<string>()]
  let subjects = 0
  for await (const { key, subject } of linesOf(path)) {
    const row = key ?? subject
    if (row !== undefined) masterKeys.add(row.masterKeyId)
    if (subject === undefined) continue
    tenants.add(subject.tenant)
    subjects++
  }
  return { tenants: [...tenants], masterKeys: [...masterKeys], subjects }
}

/** What came of a restoration. */
export interface Restored {
  added: number
  /** There already, or another row of the same person. */
  present: number
  /** Erased since: they stay so. */
  erased: number
}

/**
 * Adds what the vault has lost, and nothing that was erased: the erasures that the log orders must
 * have been applied to the vault before. May be repeated. Throws VAULT_KEY_INVALID if a master key
 * is missing, or if the file is of another vault; then nothing is changed.
 */
export async function restoreVault (
  pool: Pool, path: string, masterKey: MasterKey
): Promise<Restored> {
  const { masterKeys } = await checkVaultFile(path)
  for (const id of masterKeys) await requireKey(masterKey, id)
  const restored: Restored = { added: 0, present: 0, erased: 0 }
  let page: SubjectLine[] = []
  const flush = async (): Promise<void> => {
    await addSubjects(pool, page, restored)
    page = []
  }
  for await (const { key, subject } of linesOf(path)) {
    if (key !== undefined) await restoreKey(pool, masterKey, key)
    if (subject !== undefined && page.push(subject) === PAGE) await flush()
  }
  await flush()
  return restored
}

async function requireKey (masterKey: MasterKey, id: string): Promise<void> {
  if (id === masterKey.id || await masterKey.find?.(id) !== undefined) return
  throw new LedgerError('VAULT_KEY_INVALID',
    `the file is wrapped under master key ${id}, which is not in the master key file: ` +
    'append its line there, restore, then rotate')
}

/** Without the key that lookups are made with, nobody in the file could be found again. */
async function restoreKey (
  pool: Pool, masterKey: MasterKey, { name, wrapped, masterKeyId }: KeyLine
): Promise<void> {
  const ours = Buffer.from(wrapped, 'base64')
  await pool.query(`insert into vault.key (name, wrapped_key, master_key_id) values ($1, $2, $3)
    on conflict do nothing`, [name, ours, masterKeyId])
  const { rows: [row] } = await pool.query<{ wrapped: Buffer, masterKeyId: string }>(
    'select wrapped_key as wrapped, master_key_id as "masterKeyId" from vault.key where name = $1',
    [name])
  if (row === undefined) throw new Error(`vault: key ${name} vanished as it was added`)
  const [theirs, given] = await Promise.all([
    unwrapRow(masterKey, row), unwrapRow(masterKey, { wrapped: ours, masterKeyId })
  ])
  if (theirs.equals(given)) return
  throw new LedgerError('VAULT_KEY_INVALID',
    'the file is of another vault: persons in it could not be found by this one')
}

async function addSubjects (
  pool: Pool, subjects: readonly SubjectLine[], restored: Restored
): Promise<void> {
  if (subjects.length === 0) return
  const { rows: [row] } = await pool.query<{ added: bigint, erased: bigint }>(`
    with given as (
      select * from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[],
        $6::timestamptz[], $7::timestamptz[])
        as g (tenant, ref, lookup, wrapped, master_key_id, closed_at, created_at)),
    added as (
      insert into vault.subject (
        tenant, ref, lookup, wrapped_key, master_key_id, closed_at, created_at)
      select tenant, ref, decode(lookup, 'base64'), decode(wrapped, 'base64'), master_key_id,
        closed_at, coalesce(created_at, '-infinity')
      from given g
      where not exists (
        select from vault.erased e where e.tenant = g.tenant and e.ref = g.ref)
      on conflict do nothing
      returning 1)
    select (select count(*) from added) as added, (
      select count(*) from given g
      join vault.erased e on e.tenant = g.tenant and e.ref = g.ref) as erased`,
  [subjects.map(({ tenant }) => tenant), subjects.map(({ ref }) => ref),
    subjects.map(({ lookup }) => lookup), subjects.map(({ wrapped }) => wrapped),
    subjects.map(({ masterKeyId }) => masterKeyId), subjects.map(({ closedAt }) => closedAt),
    subjects.map(({ createdAt }) => createdAt ?? null)])
  const [added, erased] = [Number(row?.added ?? 0), Number(row?.erased ?? 0)]
  restored.added += added
  restored.erased += erased
  restored.present += subjects.length - added - erased
}

interface Line {
  key?: KeyLine
  subject?: SubjectLine
}

async function * linesOf (path: string): AsyncGenerator<Line> {
  const hash = createHash('sha256')
  let number = 0
  let subjects = 0
  const wrong = (detail: string): LedgerError =>
    new LedgerError('CONFIG_INVALID', `${path}, line ${number}: ${detail}`)
  const file = await open(path)
  for await (const text of file.readLines()) {
    number++
    const line = parse(text)
    if (line === undefined) throw wrong('is not JSON')
    if (number === 1 && line.format !== FORMAT) throw wrong('this is no export of a vault')
    if (line.end !== undefined) {
      if (line.end.subjects !== subjects || line.end.sha256 !== hash.digest('hex')) {
        throw wrong('the file is not what was exported')
      }
      return
    }
    hash.update(text + '\n')
    if (line.subject !== undefined) subjects++
    yield line
  }
  throw wrong('the file is cut off: its last line is missing')
}

interface AnyLine extends Line {
  format?: string
  end?: { subjects: number, sha256: string }
}

function parse (text: string): AnyLine | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

async function exists (path: string): Promise<boolean> {
  const file = await open(path, 'r').catch(() => undefined)
  await file?.close()
  return file !== undefined
}
