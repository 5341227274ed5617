import { CLOCK, DRAINING } from "./prelude.ts"

/**
 * KEYS waiting, counters, leases. ARGV the highest version in the table, the identity of its database,
 * to which the queue belongs from now on. RETURNS 1 when versions were lifted. FAILS with OWNED as claim does.
 * Called once for each life of the Redis data, and when an operator gives the queue to another database.
 * When Redis came back empty with a clock behind the one that issued the table's versions, new writes
 * would lose to old rows: the writes that wait are then given versions above the table's, in their order.
 * Batches under way could come back with old versions, so they are waited for: then nothing is done yet.
 */
export const seed = `${DRAINING}${CLOCK}
local waiting, counters = KEYS[1], KEYS[2]
local owner = redis.call('HGET', counters, 'database')
if owner and owner ~= ARGV[2] then return redis.error_reply('OWNED ' .. owner) end
local last, highest = tonumber(redis.call('HGET', counters, 'version') or '0'), tonumber(ARGV[1])
if last < highest and redis.call('ZCARD', KEYS[3]) > 0 then return 0 end
redis.call('HSET', counters, 'database', ARGV[2])
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
local offset = math.max(readClock(counters).offset, highest - micros())
setClock(counters, { offset = offset, lifted = 0, former = 0 })
return 1
`
