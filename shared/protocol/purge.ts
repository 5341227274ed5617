import { DRAINING } from "./prelude.ts"

/**
 * KEYS waiting, counters, silences. ARGV how many of the oldest writes to throw away. RETURNS how many went.
 * They count as failed, and as purged besides; an item that enqueue did not make is counted as queued
 * first, as claim would have done.
 */
export const purge = `${DRAINING}
local ceiling = math.max(tonumber(redis.call('HGET', KEYS[2], 'version') or '0'), micros())
local items, foreign = redis.call('RPOP', KEYS[1], ARGV[1]) or {}, 0
for _, item in ipairs(items) do
  local version = string.match(item, '^{"version":([1-9]%d*),')
  if not version or tonumber(version) > ceiling then foreign = foreign + 1
  else redis.call('HDEL', KEYS[3], version) end
end
redis.call('HINCRBY', KEYS[2], 'queued', foreign)
redis.call('HINCRBY', KEYS[2], 'failed', #items)
redis.call('HINCRBY', KEYS[2], 'purged', #items)
return #items
`
