import { CLOCK, IDENTITY, SERIES } from "./prelude.ts"
import { number, script, text } from "./script.ts"

/** A write that so many workers have gone silent with is claimed alone: it may be what ends them. */
export const ALONE_AFTER = 3

/** A claim pops so many items at a time, so that one of many bytes ends soon after its limit. */
const POP_MAX = 16

/**
 * Moves up to `most` writes, of up to about `mostBytes`, into the batch `id`, under a lease of `lease` ms.
 * Replies with the items, oldest first, how many workers went silent with the first of them, and how many writes
 * are `left` in the list; with no
 * item while an operator pauses the workers; with null while no worker has seeded the version.
 * Claiming the same id again returns the same batch, so that a lost reply costs nothing.
 * An item that enqueue did not make (no version, or one never issued) gets one here, with a mark behind it,
 * and is counted.
 * Fails with OWNED when the queue belongs to another `database` (an identity); without an effect.
 */
export const claim = script({
  mode: "drains",
  keys: ["waiting", "batch", "leases", "counters", "lostLeases"],
  args: { id: text, most: number, mostBytes: number, lease: number, database: text },
  reply: (raw: readonly [number, number, ...string[]] | null) => {
    if (raw === null) return null
    const [lostLeases, left, ...items] = raw
    return { lostLeases, left, items }
  },
  lua: `${CLOCK}${IDENTITY}${SERIES}
local suspects = redis.call('HLEN', lostLeases) > 0
local function silent(item)
  local version = suspects and versionTextOf(item)
  return version and tonumber(redis.call('HGET', lostLeases, version)) or 0
end
local function reply(items)
  local all = { items[1] and silent(items[1]) or 0, redis.call('LLEN', waiting) }
  for i = 1, #items do all[i + 2] = items[i] end
  return all
end
local items = redis.call('LRANGE', batch, 0, -1)
if #items > 0 then
  redis.call('ZADD', leases, millis() + lease, id)
  return reply(items)
end
local seeded, last, paused, owner =
  unpack(redis.call('HMGET', counters, 'seeded', 'version', 'paused', 'database'))
local refused = demandOwner(owner, database)
if refused then return refused end
if not seeded then return false end
if not owner or #owner < #database then redis.call('HSET', counters, 'database', database) end
if paused then return reply(items) end
local ceiling, foreign, bytes = math.max(tonumber(last or '0'), micros() + readClock(counters).offset), 0, 0
local newest, alone = ceiling, false
local step, residue = readSeries(counters)
while #items < most and bytes < mostBytes and not alone do
  local popped = redis.call('RPOP', waiting, suspects and 1 or math.min(${POP_MAX}, most - #items))
  if not popped then break end
  if silent(popped[1]) >= ${ALONE_AFTER} then
    alone = true
    if #items > 0 then
      redis.call('RPUSH', waiting, popped[1])
      break
    end
  end
  for _, item in ipairs(popped) do
    local version = versionOf(item)
    if not version or version > ceiling then
      newest = nextVersion(newest + 1, step, residue)
      foreign = foreign + 1
      item = withVersion(newest, '"foreign":true,' .. (string.match(item, '^%s*{(.*)$') or '"unreadable":' .. cjson.encode(item) .. '}'))
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
  redis.call('HSET', counters, 'version', text(newest))
end
return reply(items)
`,
})
