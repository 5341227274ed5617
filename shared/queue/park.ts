import { list, script, text } from "./script.ts"

/**
 * Sets writes of the batch `id` aside, those of these `versions`, in the lot of what they wait for: a table,
 * or a column of one. The others stay in the batch. Replies with how many were set aside.
 * They still count as waiting, but nobody claims them until `unpark` puts them back.
 */
export const park = script({
  mode: "drains",
  keys: ["batch", "leases", "counters", "lots", "lotPrefix"],
  args: { id: text, lot: text, versions: list },
  reply: (count: number) => count,
  lua: `
local wanted, rest, parked = {}, {}, {}
for _, version in ipairs(versions) do wanted[version] = true end
for _, item in ipairs(redis.call('LRANGE', batch, 0, -1)) do
  local chosen = wanted[versionTextOf(item) or ''] and parked or rest
  chosen[#chosen + 1] = item
end
if #parked == 0 then return 0 end
redis.call('DEL', batch)
push('RPUSH', batch, rest)
if #rest == 0 then redis.call('ZREM', leases, id) end
push('RPUSH', lotPrefix .. lot, parked)
redis.call('SADD', lots, lot)
redis.call('HINCRBY', counters, 'parked', #parked)
return #parked
`,
})
