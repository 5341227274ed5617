import { RING } from "./prelude.ts"
import { list, number, script, text } from "./script.ts"

/** How long it is told what became of a write whose client waits; also for a client who asks again. */
const OUTCOME_SECONDS = 60

/**
 * Ends the batch `id`, whose window closed for the reason `closing`; `letters` are its dead, encoded.
 * Replies with how many writes the batch had; with -1 when the batch is gone (another worker recovered
 * it, and counts it): then nothing changes. The count is the list's, never a client's. What became of a write
 * whose client waits is told for a while under its version: the version, or its letter where it died.
 */
export const acknowledge = script({
  mode: "drains",
  keys: ["batch", "leases", "counters", "dead", "lostLeases", "asked", "outcomePrefix"],
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
if redis.call('EXISTS', asked) == 1 then
  local died = {}
  for _, letter in ipairs(letters) do died[versionTextOf(letter) or ''] = letter end
  for _, item in ipairs(redis.call('LRANGE', batch, 0, -1)) do
    local version = versionTextOf(item)
    if redis.call('ZREM', asked, version) == 1 then
      redis.call('SET', outcomePrefix .. version, died[version] or version, 'EX', ${OUTCOME_SECONDS})
    end
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
