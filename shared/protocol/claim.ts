import { DRAINING } from "./prelude.ts"

/**
 * KEYS waiting, batch, leases, counters. ARGV id, most writes, most bytes, lease in ms.
 * RETURNS the batch, oldest first; nil when no worker has lifted the version yet (see \`seed\`).
 * Claiming the same id again returns the same batch, so that a lost reply costs nothing.
 * An item that enqueue did not make (no version, or one never issued) gets one here and is counted.
 */
export const claim = `${DRAINING}
local waiting, batch, leases, counters = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, most, mostBytes, lease = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local items = redis.call('LRANGE', batch, 0, -1)
if #items > 0 then
  redis.call('ZADD', leases, millis() + lease, id)
  return items
end
local seeded, last = unpack(redis.call('HMGET', counters, 'seeded', 'version'))
if not seeded then return false end
local ceiling, foreign, bytes = math.max(tonumber(last or '0'), micros()), 0, 0
local next = ceiling
while #items < most and bytes < mostBytes do
  local bite = redis.call('RPOP', waiting, math.min(16, most - #items))
  if not bite then break end
  for _, item in ipairs(bite) do
    local version = string.match(item, '^{"version":([1-9]%d*),')
    if not version or tonumber(version) > ceiling then
      next = next + 1
      foreign = foreign + 1
      local members = string.match(item, '^%s*{(.*)$') or '"unreadable":' .. cjson.encode(item) .. '}'
      item = '{"version":' .. text(next) .. ',' .. members
    end
    items[#items + 1] = item
    bytes = bytes + #item
  end
end
if #items == 0 then return items end
push('RPUSH', batch, items)
redis.call('ZADD', leases, millis() + lease, id)
if foreign > 0 then
  redis.call('HINCRBY', counters, 'queued', foreign)
  redis.call('HSET', counters, 'version', text(next))
end
return items
`
