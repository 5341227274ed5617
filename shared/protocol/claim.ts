import { DRAINING } from "./prelude.ts"

/** A write that so many workers have gone silent with is claimed alone: it may be what ends them. */
const ALONE_AFTER = 3

/**
 * KEYS waiting, batch, leases, counters, silences. ARGV id, most writes, most bytes, lease in ms, the
 * identity of the worker's database.
 * RETURNS how many workers went silent with the first write of the batch, then the batch, oldest first;
 * no write while an operator pauses the workers; nil while no worker has seeded the version (see `seed`).
 * Claiming the same id again returns the same batch, so that a lost reply costs nothing.
 * An item that enqueue did not make (no version, or one never issued) gets one here and is counted.
 * FAILS with OWNED and the identity when the queue belongs to another database; without an effect.
 */
export const claim = `${DRAINING}
local waiting, batch, leases, counters, silences = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local id, most, mostBytes, lease = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local suspects = redis.call('HLEN', silences) > 0
local function silent(item)
  local version = suspects and versionOf(item)
  return version and tonumber(redis.call('HGET', silences, text(version))) or 0
end
local function reply(items)
  local all = { items[1] and silent(items[1]) or 0 }
  for i = 1, #items do all[i + 1] = items[i] end
  return all
end
local items = redis.call('LRANGE', batch, 0, -1)
if #items > 0 then
  redis.call('ZADD', leases, millis() + lease, id)
  return reply(items)
end
local seeded, last, paused, owner =
  unpack(redis.call('HMGET', counters, 'seeded', 'version', 'paused', 'database'))
if owner and owner ~= ARGV[5] then return redis.error_reply('OWNED ' .. owner) end
if not seeded then return false end
if not owner then redis.call('HSET', counters, 'database', ARGV[5]) end
if paused then return reply(items) end
local ceiling, foreign, bytes = math.max(tonumber(last or '0'), micros()), 0, 0
local next, alone = ceiling, false
while #items < most and bytes < mostBytes and not alone do
  local bite = redis.call('RPOP', waiting, suspects and 1 or math.min(16, most - #items))
  if not bite then break end
  if silent(bite[1]) >= ${ALONE_AFTER} then
    alone = true
    if #items > 0 then
      redis.call('RPUSH', waiting, bite[1])
      break
    end
  end
  for _, item in ipairs(bite) do
    local version = versionOf(item)
    if not version or version > ceiling then
      next = next + 1
      foreign = foreign + 1
      local members = string.match(item, '^%s*{(.*)$') or '"unreadable":' .. cjson.encode(item) .. '}'
      item = '{"version":' .. text(next) .. ',' .. members
    end
    items[#items + 1] = item
    bytes = bytes + #item
  end
end
if #items == 0 then return reply(items) end
push('RPUSH', batch, items)
redis.call('ZADD', leases, millis() + lease, id)
if foreign > 0 then
  redis.call('HINCRBY', counters, 'queued', foreign)
  redis.call('HSET', counters, 'version', text(next))
end
return reply(items)
`
