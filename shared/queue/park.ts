import { list, script, text } from "./script.ts"

/** Tables and their columns are few; names that others push onto the list can be many. */
const LOTS_MAX = 256

/** The lot of what has none of its own. */
export const OTHERS = "*"

/**
 * Sets writes of the batch `id` aside, those of these `versions`, in the lot of what they wait for: a table,
 * or a column of one. The others stay in the batch. Replies with how many were set aside.
 * They still count as waiting, but nobody claims them until `unpark` puts them back. A worker that parks a write
 * has not gone silent with it: its marks of lost leases are gone. Beyond so many lots all share one.
 */
export const park = script({
  mode: "drains",
  keys: ["batch", "leases", "counters", "lots", "lotPrefix", "lostLeases"],
  args: { id: text, lot: text, versions: list },
  reply: (count: number) => count,
  lua: `
if redis.call('SISMEMBER', lots, lot) == 0 and redis.call('SCARD', lots) >= ${LOTS_MAX} then lot = '${OTHERS}' end
local wanted, rest, parked = {}, {}, {}
for _, version in ipairs(versions) do wanted[version] = true end
for _, item in ipairs(redis.call('LRANGE', batch, 0, -1)) do
  local version = versionTextOf(item) or ''
  local chosen = wanted[version] and parked or rest
  chosen[#chosen + 1] = item
end
if #parked == 0 then return 0 end
if redis.call('HLEN', lostLeases) > 0 then
  for _, item in ipairs(parked) do redis.call('HDEL', lostLeases, versionTextOf(item)) end
end
redis.call('DEL', batch)
push('RPUSH', batch, rest)
if #rest == 0 then redis.call('ZREM', leases, id) end
push('RPUSH', lotPrefix .. lot, parked)
redis.call('SADD', lots, lot)
redis.call('HINCRBY', counters, 'parked', #parked)
return #parked
`,
})
