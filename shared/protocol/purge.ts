import { DRAINING } from "./prelude.ts"

/**
 * KEYS waiting, counters, silences. ARGV how many of the oldest writes to throw away, the newest version
 * that may go: what enqueue gave a later one stays. RETURNS how many went.
 * They count as failed, and as purged besides; an item that enqueue did not make is counted as queued
 * first, as claim would have done.
 */
export const purge = `${DRAINING}
local waiting, counters, silences, newest = KEYS[1], KEYS[2], KEYS[3], tonumber(ARGV[2])
local ceiling = math.max(tonumber(redis.call('HGET', counters, 'version') or '0'), micros())
local items, later, foreign = redis.call('RPOP', waiting, ARGV[1]) or {}, {}, 0
for i = #items, 1, -1 do
  local version = tonumber(string.match(items[i], '^{"version":([1-9]%d*),'))
  if not version or version > ceiling then foreign = foreign + 1
  elseif version > newest then later[#later + 1] = items[i]
  else redis.call('HDEL', silences, text(version)) end
end
push('RPUSH', waiting, later)
local gone = #items - #later
redis.call('HINCRBY', counters, 'queued', foreign)
redis.call('HINCRBY', counters, 'failed', gone)
redis.call('HINCRBY', counters, 'purged', gone)
return gone
`
