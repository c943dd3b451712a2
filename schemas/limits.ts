/** An event as sent, in bytes of its JSON text. */
export const EVENT_MAX_BYTES = 65_536
export const BATCH_MAX_EVENTS = 1_000
export const BATCH_MAX_BYTES = 4 * 1_048_576
