/** How much one call handles, for calls on any number of writes of unknown size. */

/** A call is answered after this, well within the deadlines of clients, and says what is left to do. */
export const STEP_MILLIS = 2_000

/** In bytes of values; of control characters a letter has six bytes for each. Well within a deadline. */
const CALL_MAX_BYTES = 8 * 1024 * 1024

/** How many writes one call to Redis handles: fewer than `most` when values may be large. */
export const writesAtOnce = (valueMaxBytes: number, most: number) =>
  Math.max(1, Math.min(most, Math.floor(CALL_MAX_BYTES / valueMaxBytes)))
