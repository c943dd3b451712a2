import type { DecodedEvent } from '../schemas/recorded.ts'

/** Consecutive events of `$all`, decoded once, given to every projection. Never empty. */
export interface Batch {
  events: readonly DecodedEvent[]
}

/** The part of a Postgres client that a projection may use; inside the batch's transaction. */
export interface Tx {
  query<Row extends object = Record<string, unknown>> (
    text: string, values?: readonly unknown[]
  ): Promise<{ rows: Row[], rowCount: number | null }>
}

/**
 * A read model: how events become rows. A value without state: whatever it remembers is a row.
 * The tables live in a Postgres schema of their own per generation; the runner sets the
 * search path, so SQL names tables without a schema. Reading goes through views of the same
 * names in schema `read`, which point at the live generation.
 */
export interface Projection {
  /** snake_case; also the prefix of the generation's Postgres schema. */
  name: string
  /** Bumped whenever rows would come out differently; a new version is built beside the old. */
  version: number
  /** Path of the DDL, relative to the package: `projections/<folder>/tables.sql`. */
  tables: string
  /** The tables that get a view in schema `read`. */
  views: readonly string[]
  /** Writes the rows of a batch. Must not throw on odd data and must be one to few statements. */
  apply (batch: Batch, tx: Tx): Promise<void>
}
