import { DRAINING } from "./prelude.ts"

/** How many deadlines one heartbeat cuts; the next one cuts the rest. */
const CUT_MAX = 1_000

/**
 * KEYS leases, workers, holds, counters. ARGV worker, lease in ms, why the worker holds ('' when it does not),
 * how many expired leases to name at most, then the ids of its batches.
 * RETURNS the batches it has lost, and the leases past their deadline. Extends leases that exist
 * and never revives one: a batch that was recovered belongs to somebody else. A deadline further ahead
 * than the longest lease of any worker comes from a clock that was set back, and is cut to that lease.
 */
export const heartbeat = `${DRAINING}
local leases, workers, holds, counters = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local now, lost, lease = millis(), {}, tonumber(ARGV[2])
local deadline = now + lease
local longest = tonumber(redis.call('HGET', counters, 'lease') or '0')
if lease > longest then
  longest = lease
  redis.call('HSET', counters, 'lease', text(lease))
end
for _, key in ipairs({ leases, workers }) do
  local late = redis.call('ZRANGEBYSCORE', key, '(' .. text(now + longest), '+inf', 'LIMIT', 0, ${CUT_MAX})
  for _, member in ipairs(late) do redis.call('ZADD', key, text(now + longest), member) end
end
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', workers, '-inf', now)) do
  redis.call('ZREM', workers, gone)
  redis.call('HDEL', holds, gone)
end
redis.call('ZADD', workers, deadline, ARGV[1])
if ARGV[3] == '' then redis.call('HDEL', holds, ARGV[1]) else redis.call('HSET', holds, ARGV[1], ARGV[3]) end
for i = 5, #ARGV do
  if redis.call('ZSCORE', leases, ARGV[i]) then redis.call('ZADD', leases, 'XX', deadline, ARGV[i])
  else lost[#lost + 1] = ARGV[i] end
end
return { lost, redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, tonumber(ARGV[4])) }
`
