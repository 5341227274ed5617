import { DRAINING, PUT_BACK } from "./prelude.ts"

/**
 * KEYS waiting, batch, leases. ARGV id. RETURNS how many writes went back.
 */
export const release = `${DRAINING}${PUT_BACK}
return putBack(KEYS[1], KEYS[2], KEYS[3], ARGV[1])
`
