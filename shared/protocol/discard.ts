import { DRAINING } from "./prelude.ts"

/**
 * KEYS dead, counters. ARGV dead letters, as they stand in the list. RETURNS how many were discarded.
 * They stay counted as failed: a write that failed and was discarded did not succeed.
 */
export const discard = `${DRAINING}
local gone = 0
for i = 1, #ARGV do gone = gone + redis.call('LREM', KEYS[1], -1, ARGV[i]) end
redis.call('HINCRBY', KEYS[2], 'discarded', gone)
return gone
`
