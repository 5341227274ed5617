import { DRAINING, PUT_BACK } from "./prelude.ts"

/**
 * KEYS waiting, batch, leases, counters, silences. ARGV id. RETURNS how many writes went back; 0 when the lease
 * is not past its deadline (it was extended, or another worker was first). Each of them is marked: a
 * worker went silent with it.
 */
export const recover = `${DRAINING}${PUT_BACK}
local deadline = redis.call('ZSCORE', KEYS[3], ARGV[1])
if not deadline or tonumber(deadline) > millis() then return 0 end
for _, item in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do
  redis.call('HINCRBY', KEYS[5], string.match(item, '^{"version":(%d+),'), 1)
end
local count = putBack(KEYS[1], KEYS[2], KEYS[3], ARGV[1])
redis.call('HINCRBY', KEYS[4], 'redelivered', count)
return count
`
