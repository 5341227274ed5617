import { DRAINING } from "./prelude.ts"

/**
 * KEYS batch, leases, counters, dead, silences. ARGV id, why its window closed, how many were
 * coalesced, then dead letters.
 * RETURNS how many writes the batch had; -1 when the batch is gone (another worker recovered it, and
 * counts it): then nothing changes.
 */
export const acknowledge = `${DRAINING}
local batch, leases, counters, dead = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local count = redis.call('LLEN', batch)
if count == 0 then return -1 end
if redis.call('HLEN', KEYS[5]) > 0 then
  for _, item in ipairs(redis.call('LRANGE', batch, 0, -1)) do
    redis.call('HDEL', KEYS[5], string.match(item, '^{"version":(%d+),'))
  end
end
local failed = #ARGV - 3
redis.call('DEL', batch)
redis.call('ZREM', leases, ARGV[1])
local letters = {}
for i = 4, #ARGV do letters[#letters + 1] = ARGV[i] end
push('LPUSH', dead, letters)
redis.call('HINCRBY', counters, 'processed', count - failed)
redis.call('HINCRBY', counters, 'failed', failed)
redis.call('HINCRBY', counters, 'coalesced', ARGV[3])
redis.call('HINCRBY', counters, 'window:' .. ARGV[2], 1)
local second = redis.call('TIME')[1]
local slot = 'second:' .. second % 16
local at, before = string.match(redis.call('HGET', counters, slot) or '', '^(%d+):(%d+)$')
redis.call('HSET', counters, slot, second .. ':' .. text(count + (at == second and before or 0)))
return count
`
