import { DRAINING } from "./prelude.ts"

/**
 * KEYS waiting, counters. ARGV the highest version in the table. RETURNS 1 when versions were lifted.
 * Called once for each life of the Redis data. When Redis came back empty with a clock behind the one
 * that issued the table's versions, new writes would lose to old rows: the writes that wait are then
 * given versions above the table's, in their order.
 */
export const seed = `${DRAINING}
local waiting, counters = KEYS[1], KEYS[2]
local last, highest = tonumber(redis.call('HGET', counters, 'version') or '0'), tonumber(ARGV[1])
redis.call('HSET', counters, 'seeded', 1)
redis.call('HSETNX', counters, 'since', redis.call('TIME')[1])
if last >= highest then return 0 end
local left = redis.call('LLEN', waiting)
while left > 0 do
  local bite, lifted = redis.call('RPOP', waiting, math.min(UNPACK_MAX, left)), {}
  for i, item in ipairs(bite) do
    local version, rest = string.match(item, '^{"version":(%d+),(.*)$')
    if version then
      highest = highest + 1
      item = '{"version":' .. text(highest) .. ',' .. rest
    end
    lifted[i] = item
  end
  push('LPUSH', waiting, lifted)
  left = left - #bite
end
redis.call('HSET', counters, 'version', text(highest))
return 1
`
