import { DRAINING } from "./prelude.ts"

/**
 * KEYS leases, workers, holds. ARGV worker, lease in ms, why the worker holds ('' when it does not),
 * how many expired leases to name at most, then the ids of its batches.
 * RETURNS the batches it has lost, and the leases past their deadline. Extends leases that exist
 * and never revives one: a batch that was recovered belongs to somebody else.
 */
export const heartbeat = `${DRAINING}
local leases, workers, holds = KEYS[1], KEYS[2], KEYS[3]
local now, lost = millis(), {}
local deadline = now + tonumber(ARGV[2])
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
