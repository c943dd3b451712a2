import type { Pool } from '../postgres/pool.ts'

/** A row of vault.subject: one person's key, wrapped under a master key. */
export interface SubjectRow {
  tenant: string
  ref: string
  lookup: Buffer
  wrapped: Buffer
  masterKeyId: string
  /** The subject is about to be erased: nothing new is sealed under this row. */
  closed: boolean
}

export type NewSubjectRow = Omit<SubjectRow, 'closed'>

const COLUMNS = `s.tenant, s.ref, s.lookup, s.wrapped_key as wrapped,
  s.master_key_id as "masterKeyId", s.closed_at is not null as closed`

/** The rows of these tenants and lookups, closed ones too; of one person the oldest first. */
export async function selectByLookup (
  pool: Pool, subjects: ReadonlyArray<Pick<SubjectRow, 'tenant' | 'lookup'>>
): Promise<SubjectRow[]> {
  const { rows } = await pool.query<SubjectRow>({
    name: 'vault_by_lookup',
    text: `select ${COLUMNS}
      from unnest($1::text[], $2::bytea[]) as q (tenant, lookup)
      join vault.subject s on s.tenant = q.tenant and s.lookup = q.lookup
      order by s.created_at`,
    values: [subjects.map(({ tenant }) => tenant), subjects.map(({ lookup }) => lookup)]
  })
  return rows
}

/** The rows of these tenants and refs. */
export async function selectByRef (
  pool: Pool, subjects: ReadonlyArray<Pick<SubjectRow, 'tenant' | 'ref'>>
): Promise<SubjectRow[]> {
  const { rows } = await pool.query<SubjectRow>({
    name: 'vault_by_ref',
    text: `select ${COLUMNS}
      from unnest($1::text[], $2::uuid[]) as q (tenant, ref)
      join vault.subject s on s.tenant = q.tenant and s.ref = q.ref`,
    values: [subjects.map(({ tenant }) => tenant), subjects.map(({ ref }) => ref)]
  })
  return rows
}

/**
 * Adds the rows whose subject has none yet; somebody else's row for the same subject stays, and
 * what is wrapped under a master key that was rotated away is not added. In
 * order of lookup, so that two processes adding the same subjects do not wait for each other.
 */
export async function insertSubjects (
  pool: Pool, subjects: readonly NewSubjectRow[]
): Promise<void> {
  const rows = [...subjects].sort((a, b) => Buffer.compare(a.lookup, b.lookup))
  await pool.query({
    name: 'vault_insert',
    text: `insert into vault.subject (tenant, ref, lookup, wrapped_key, master_key_id)
      select * from unnest($1::text[], $2::uuid[], $3::bytea[], $4::bytea[], $5::text[]) as n (
        tenant, ref, lookup, wrapped_key, master_key_id)
      where not exists (
        select from vault.master_key m where m.current and m.id <> n.master_key_id)
      on conflict (tenant, lookup) where closed_at is null do nothing`,
    values: [
      rows.map(({ tenant }) => tenant), rows.map(({ ref }) => ref),
      rows.map(({ lookup }) => lookup), rows.map(({ wrapped }) => wrapped),
      rows.map(({ masterKeyId }) => masterKeyId)
    ]
  })
}

/** The master key that new rows have to be wrapped under, undefined before the first rotation. */
export async function selectCurrentMasterKey (pool: Pool): Promise<string | undefined> {
  const { rows } = await pool.query<{ id: string }>(
    'select id from vault.master_key where current')
  return rows[0]?.id
}

/** A key of the vault itself. */
export type VaultKeyRow = Pick<SubjectRow, 'wrapped' | 'masterKeyId'>

/** The vault's own key of that name, undefined before the vault was first opened. */
export async function selectVaultKey (pool: Pool, name: string): Promise<VaultKeyRow | undefined> {
  const { rows } = await pool.query<VaultKeyRow>(
    'select wrapped_key as wrapped, master_key_id as "masterKeyId" from vault.key where name = $1',
    [name])
  return rows[0]
}

/** Keeps the vault's own key of that name, unless there is one. */
export async function insertVaultKey (
  pool: Pool, name: string, { wrapped, masterKeyId }: VaultKeyRow
): Promise<void> {
  await pool.query(
    `insert into vault.key (name, wrapped_key, master_key_id) values ($1, $2, $3)
     on conflict do nothing`,
    [name, wrapped, masterKeyId])
}
