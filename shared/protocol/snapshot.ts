import { READING } from "./prelude.ts"

/**
 * KEYS waiting, leases, workers, counters, dead, holds. ARGV the prefix of batch lists.
 * RETURNS now in µs, depth, in flight, live workers, dead letters, the oldest version not yet processed
 * (0: none), why live workers hold, and the counters as a flat list of names and values.
 */
export const snapshot = `${READING}
local now, inFlight, oldest = micros(), 0, nil
local function age(item)
  local version = tonumber(item and string.match(item, '^{"version":(%d+),') or nil)
  if version and (not oldest or version < oldest) then oldest = version end
end
age(redis.call('LINDEX', KEYS[1], -1))
for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  inFlight = inFlight + redis.call('LLEN', ARGV[1] .. id)
  age(redis.call('LINDEX', ARGV[1] .. id, 0))
end
local workers = redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. text(math.floor(now / 1000)), '+inf')
local reasons = {}
for _, worker in ipairs(workers) do
  reasons[#reasons + 1] = redis.call('HGET', KEYS[6], worker) or nil
end
return {
  now, redis.call('LLEN', KEYS[1]), inFlight, #workers, redis.call('LLEN', KEYS[5]), oldest or 0,
  reasons, redis.call('HGETALL', KEYS[4])
}
`
