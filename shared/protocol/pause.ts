import { DRAINING } from "./prelude.ts"

/**
 * KEYS counters. ARGV 1 to stop claiming on every worker, 0 to go on. RETURNS the same.
 * Workers look at this mark whenever they look at the queue, and claim asks for it again.
 */
export const pause = `${DRAINING}
if ARGV[1] == '1' then redis.call('HSET', KEYS[1], 'paused', 1)
else redis.call('HDEL', KEYS[1], 'paused') end
return tonumber(ARGV[1])
`
