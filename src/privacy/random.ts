import { randomFillSync } from 'node:crypto'

const POOL_BYTES = 8_192
const pool = Buffer.alloc(POOL_BYTES)
let used = POOL_BYTES

/**
 * Cryptographically random bytes, at most POOL_BYTES, each given out once. Asking the system for
 * many at a time costs a tenth of asking for each section's few.
 */
export function pooledRandom (bytes: number): Buffer {
  if (bytes > POOL_BYTES) throw new RangeError(`more than ${POOL_BYTES} random bytes at once`)
  if (used + bytes > POOL_BYTES) {
    randomFillSync(pool)
    used = 0
  }
  const taken = Buffer.from(pool.subarray(used, used + bytes))
  // What was given out is not kept a second time.
  pool.fill(0, used, used += bytes)
  return taken
}
