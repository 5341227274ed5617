import { DRAINING } from "./prelude.ts"

/**
 * KEYS waiting, counters. ARGV how many of the oldest writes to throw away. RETURNS how many went.
 * They count as failed, and as purged besides; an item that enqueue did not make is counted as queued
 * first, as claim would have done.
 */
export const purge = `${DRAINING}
local items, foreign = redis.call('RPOP', KEYS[1], ARGV[1]) or {}, 0
for _, item in ipairs(items) do
  if not string.match(item, '^{"version":%d+,') then foreign = foreign + 1 end
end
redis.call('HINCRBY', KEYS[2], 'queued', foreign)
redis.call('HINCRBY', KEYS[2], 'failed', #items)
redis.call('HINCRBY', KEYS[2], 'purged', #items)
return #items
`
