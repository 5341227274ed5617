import { number, script } from "./script.ts"

/**
 * Throws away up to `most` of the oldest writes, none of them issued after the version `newest`. Replies
 * with how many went. They count as failed, and as purged besides; an item that enqueue did not make is
 * counted as queued first, as claim would have done.
 */
export const purge = script({
  mode: "drains",
  keys: ["waiting", "counters", "lostLeases"],
  args: { most: number, newest: number },
  reply: (gone: number) => gone,
  lua: `
local ceiling = math.max(tonumber(redis.call('HGET', counters, 'version') or '0'), micros())
local items, later, foreign = redis.call('RPOP', waiting, most) or {}, {}, 0
for i = #items, 1, -1 do
  local version = versionOf(items[i])
  if not version or version > ceiling then foreign = foreign + 1
  elseif version > newest then later[#later + 1] = items[i]
  else redis.call('HDEL', lostLeases, text(version)) end
end
push('RPUSH', waiting, later)
local gone = #items - #later
redis.call('HINCRBY', counters, 'queued', foreign)
redis.call('HINCRBY', counters, 'failed', gone)
redis.call('HINCRBY', counters, 'purged', gone)
return gone
`,
})
