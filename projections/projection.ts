import type { DecodedEvent } from '../schemas/recorded.ts'

/** Consecutive events of `$all`, decoded once, given to every projection. Never empty. */
export interface Batch {
  events: readonly DecodedEvent[]
  /**
   * Says that the read models could not take this event: the runner keeps it in `control.parked`
   * in the same transaction, where it is shown, counted and alarmed. Never skip one silently.
   */
  park (event: DecodedEvent, code: string, reason: string): void
}

/** A statement that is prepared once per connection; the name stands for exactly this text. */
export interface Statement {
  name: string
  text: string
}

/** The part of a Postgres client that a projection may use; inside the batch's transaction. */
export interface Tx {
  query<Row extends object = Record<string, unknown>> (
    statement: string | Statement, values?: unknown[]
  ): Promise<{ rows: Row[], rowCount: number | null }>
}

/** A person whose erasure the log orders, and the rows that name them. */
export interface Erased {
  tenant: string
  ref: string
  /** The erasure's id. */
  erasure: string
  /** RFC 3339: when it was ordered. */
  at: string
  /** The order's own position; an event after it was sealed too late for anybody to read. */
  position: bigint
  /** Events that name the ref and whose rows have not been told yet, ascending. */
  positions: readonly bigint[]
}

/** Events whose rows a retention run of the log removes. */
export interface Removed {
  tenant: string
  /** The position of the run's own event. */
  run: bigint
  /** Of the events, ascending, all before the run's. */
  positions: readonly bigint[]
}

/**
 * A read model: how events become rows. A value without state: whatever it remembers is a row.
 * The tables live in a Postgres schema of their own per generation; the runner sets the
 * search path, so its SQL names tables without a schema. Queries name the views of the same names
 * in schema `read`, which show the live generation.
 */
export interface Projection {
  /** snake_case; also the prefix of the generation's Postgres schema. */
  name: string
  /** Bumped whenever rows would come out differently; a new version is built beside the old. */
  version: number
  /** Path of the DDL, relative to the package: `projections/<folder>/tables.sql`. */
  tables: string
  /** The tables that get a view in schema `read`; no two projections share a name. */
  views: readonly string[]
  /**
   * Whether batches also hold what is no part of a tenant's history: signed checkpoints, and
   * events whose rows Postgres refused to others. Then `apply` must be one that nothing refuses.
   */
  takes?: 'everything'
  /**
   * Writes the rows of a batch. Must not throw on odd data, must be one to few statements, and
   * must depend on nothing but the events and its own rows: no clock, no chance, no sequence.
   * On a pipelined connection the statements of all projections are under way together.
   */
  apply (batch: Batch, tx: Tx): Promise<void>
  /**
   * Takes erased persons out of rows that apply has written, in the same transaction. Called for
   * the batch that holds the order, and for every later one that names the person again; a rebuild
   * may know of the order from the first batch on, and must come to the same rows. Returns how
   * many rows of which table it changed.
   */
  erase? (persons: readonly Erased[], tx: Tx): Promise<Record<string, number>>
  /**
   * Takes away the rows of events, as a retention run of the log says, in the transaction that
   * holds the run and before any later event is applied. What tells of many events, such as a
   * count, stays.
   */
  remove? (removed: Removed, tx: Tx): Promise<void>
  /**
   * Asked of a generation that is about to go live, with the search path of its tables: a sentence
   * on why readers must not see it, or undefined. `lost`: tenants of which somebody has accepted
   * that the log has lost its last events.
   */
  contradiction?: (tx: Tx, lost: ReadonlySet<string>) => Promise<string | undefined>
}
