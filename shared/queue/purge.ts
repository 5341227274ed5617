import { LEAVE_LOT } from "./prelude.ts"
import { number, script } from "./script.ts"

/**
 * Throws away up to `most` of the oldest writes, parked ones after the others, none of them issued after
 * the version `newest`. Replies with how many went. They count as failed, and as purged besides; an item
 * that enqueue did not make is counted as queued first, as claim would have done.
 */
export const purge = script({
  mode: "drains",
  keys: ["waiting", "counters", "lostLeases", "lots", "lotPrefix"],
  args: { most: number, newest: number },
  reply: (gone: number) => gone,
  lua: `${LEAVE_LOT}
local ceiling = math.max(tonumber(redis.call('HGET', counters, 'version') or '0'), micros())
local gone, foreign = 0, 0
local function discard(items)
  local later = {}
  for i = #items, 1, -1 do
    local version = versionOf(items[i])
    if not version or version > ceiling then foreign = foreign + 1
    elseif version > newest then later[#later + 1] = items[i]
    else redis.call('HDEL', lostLeases, text(version)) end
  end
  gone = gone + #items - #later
  return later
end
push('RPUSH', waiting, discard(redis.call('RPOP', waiting, most) or {}))
for _, lot in ipairs(redis.call('SMEMBERS', lots)) do
  if gone == most then break end
  local items = redis.call('LPOP', lotPrefix .. lot, most - gone) or {}
  local later = discard(items)
  push('LPUSH', lotPrefix .. lot, later)
  leaveLot(counters, lots, lotPrefix, lot, #items - #later)
end
redis.call('HINCRBY', counters, 'queued', foreign)
redis.call('HINCRBY', counters, 'failed', gone)
redis.call('HINCRBY', counters, 'purged', gone)
return gone
`,
})
