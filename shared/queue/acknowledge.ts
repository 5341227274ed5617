import { RING } from "./prelude.ts"
import { list, number, script, text } from "./script.ts"

/**
 * Ends the batch `id`, whose window closed for the reason `closing`; `letters` are its dead, encoded.
 * Replies with how many writes the batch had; with -1 when the batch is gone (another worker recovered
 * it, and counts it): then nothing changes. The count is the list's, never a client's.
 */
export const acknowledge = script({
  mode: "drains",
  keys: ["batch", "leases", "counters", "dead", "lostLeases"],
  args: { id: text, closing: text, coalesced: number, letters: list },
  reply: (count: number) => count,
  lua: `${RING}
local count = redis.call('LLEN', batch)
if count == 0 then return -1 end
if redis.call('HLEN', lostLeases) > 0 then
  for _, item in ipairs(redis.call('LRANGE', batch, 0, -1)) do
    redis.call('HDEL', lostLeases, versionTextOf(item))
  end
end
redis.call('DEL', batch)
redis.call('ZREM', leases, id)
push('LPUSH', dead, letters)
redis.call('HINCRBY', counters, 'processed', count - #letters)
redis.call('HINCRBY', counters, 'failed', #letters)
redis.call('HINCRBY', counters, 'coalesced', coalesced)
redis.call('HINCRBY', counters, 'window:' .. closing, 1)
countLeft(counters, tonumber(redis.call('TIME')[1]), count)
return count
`,
})
