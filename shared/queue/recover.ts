import { PUT_BACK } from "./prelude.ts"
import { script, text } from "./script.ts"

/**
 * Puts the batch `id` of a silent worker back. Replies with how many writes that were; with 0 when the
 * lease is not past its deadline (it was extended, or another worker was first). Each of the writes is
 * marked: a worker went silent with it.
 */
export const recover = script({
  mode: "drains",
  keys: ["waiting", "batch", "leases", "counters", "lostLeases"],
  args: { id: text },
  reply: (count: number) => count,
  lua: `${PUT_BACK}
local deadline = redis.call('ZSCORE', leases, id)
if not deadline or tonumber(deadline) > millis() then return 0 end
for _, item in ipairs(redis.call('LRANGE', batch, 0, -1)) do
  redis.call('HINCRBY', lostLeases, versionTextOf(item), 1)
end
local count = putBack(waiting, batch, leases, id)
redis.call('HINCRBY', counters, 'redelivered', count)
return count
`,
})
