import { CLOCK, READING } from "./prelude.ts"

/**
 * KEYS waiting, leases, workers, counters, dead, holds. ARGV the prefix of batch lists.
 * RETURNS now in µs, depth, in flight, live workers, dead letters, when the oldest write not yet processed
 * was accepted, in µs (0: none), why live workers hold, and the counters as a flat list of names and values.
 * A worker whose deadline is further ahead than a lease is none: the clock was set back since it died.
 */
export const snapshot = `${READING}${CLOCK}
local now, inFlight, oldest, clock = micros(), 0, nil, readClock(KEYS[4])
local function age(item)
  local version = versionOf(item)
  local at = version and acceptedAt(version, clock)
  if at and (not oldest or at < oldest) then oldest = at end
end
age(redis.call('LINDEX', KEYS[1], -1))
for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  inFlight = inFlight + redis.call('LLEN', ARGV[1] .. id)
  age(redis.call('LINDEX', ARGV[1] .. id, 0))
end
local lease = redis.call('HGET', KEYS[4], 'lease')
local latest = lease and text(math.floor(now / 1000) + lease) or '+inf'
local workers = redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. text(math.floor(now / 1000)), latest)
local reasons = {}
for _, worker in ipairs(workers) do
  reasons[#reasons + 1] = redis.call('HGET', KEYS[6], worker) or nil
end
return {
  now, redis.call('LLEN', KEYS[1]), inFlight, #workers, redis.call('LLEN', KEYS[5]), oldest or 0,
  reasons, redis.call('HGETALL', KEYS[4])
}
`
