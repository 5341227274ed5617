/** What several scripts share; each script is one text in Redis, so it is spliced in front. */

/** How an item of the queue begins: what the scripts read of it, and all that they ever do. */
const VERSION = `'^{"version":([1-9]%d*),'`

/** Lua's `unpack` fails above about 8,000 values, and its `..` turns a version into 1.79e+15. */
export const PRELUDE = `
local UNPACK_MAX = 1000
local function push(command, key, items)
  for i = 1, #items, UNPACK_MAX do
    redis.call(command, key, unpack(items, i, math.min(i + UNPACK_MAX - 1, #items)))
  end
end
local function argumentsFrom(first)
  local rest = {}
  for i = first, #ARGV do rest[#rest + 1] = ARGV[i] end
  return rest
end
local function text(number) return string.format('%.0f', number) end
local function micros()
  local now = redis.call('TIME')
  return now[1] * 1000000 + now[2]
end
local function millis() return math.floor(micros() / 1000) end
local function versionTextOf(item) return item and string.match(item, ${VERSION}) or nil end
local function versionOf(item) return tonumber(versionTextOf(item) or nil) end
local function withVersion(version, members) return '{"version":' .. text(version) .. ',' .. members end
`

/** Moves a batch back to where it came from: the oldest write is again the rightmost. */
export const PUT_BACK = `
local function putBack(waiting, batch, leases, id)
  local items = redis.call('LRANGE', batch, 0, -1)
  local reversed = {}
  for i = #items, 1, -1 do reversed[#reversed + 1] = items[i] end
  redis.call('DEL', batch)
  redis.call('ZREM', leases, id)
  push('RPUSH', waiting, reversed)
  return #items
end
`

/** Takes so many writes out of a lot; that there is nothing in one is known when it is no longer listed. */
export const LEAVE_LOT = `
local function leaveLot(counters, lots, lotPrefix, lot, count)
  if redis.call('LLEN', lotPrefix .. lot) == 0 then redis.call('SREM', lots, lot) end
  redis.call('HINCRBY', counters, 'parked', 0 - count)
end
`

/** How many writes left the queue in each of the last seconds: a ring of counters, a slot for each. */
export const RING = `
local SLOTS = 16
local function slotOf(second) return 'second:' .. second % SLOTS end
local function readSlot(counters, slot)
  local second, count = string.match(redis.call('HGET', counters, slot) or '', '^(%d+):(%d+)$')
  return tonumber(second or '0'), tonumber(count or '0')
end
local function countLeft(counters, second, count)
  local at, before = readSlot(counters, slotOf(second))
  redis.call('HSET', counters, slotOf(second), text(second) .. ':' .. text(count + (at == second and before or 0)))
end
local function leftIn(counters, seconds, now)
  local left = 0
  for slot = 0, SLOTS - 1 do
    local at, count = readSlot(counters, slotOf(slot))
    if at > now - seconds and at <= now then left = left + count end
  end
  return left
end
`

/** A group of writes runs ahead of the clock by a microsecond a write; more than this is a clock set back. */
const SET_BACK_MICROS = 1_000_000

/**
 * The queue's clock, in microseconds, of which versions are moments: Redis' own time and an offset. The
 * offset makes up for what a clock that was set back would take away, and for what the master before a
 * promotion may have issued; so the clock never goes back, and the age of a write is right at once
 * after either. Versions up to `lifted` were issued when the offset was still `former`. A clock that was
 * set back is seen by every script that reads it, and made good by the next that issues a version.
 */
export const CLOCK = `
local function readClock(counters)
  local offset, lifted, former, last =
    unpack(redis.call('HMGET', counters, 'offset', 'lifted', 'former', 'version'))
  local clock = {
    offset = tonumber(offset or '0'), lifted = tonumber(lifted or '0'), former = tonumber(former or '0')
  }
  local now = micros() + clock.offset
  local behind = tonumber(last or '0') - now
  if behind > ${SET_BACK_MICROS} then
    return { offset = clock.offset + behind, lifted = now, former = clock.offset, isNew = true }
  end
  return clock
end
local function setClock(counters, clock)
  redis.call('HSET', counters,
    'offset', text(clock.offset), 'lifted', text(clock.lifted), 'former', text(clock.former))
end
local function acceptedAt(version, clock)
  return version - (version > clock.lifted and clock.offset or clock.former)
end
`

/**
 * Versions are unique among all shards: each issues those of a series of its own. `least` is the lowest that the
 * next one may be.
 */
export const SERIES = `
local function nextVersion(least, step, residue) return least + (residue - least) % step end
local function readSeries(counters)
  local step, residue = unpack(redis.call('HMGET', counters, 'step', 'residue'))
  return tonumber(step or '1'), tonumber(residue or '0')
end
`

/**
 * Whether two identities (server/database/schema) are of one database. A role without the right to ask
 * for the server leaves it out, and is believed.
 */
export const IDENTITY = `
local function isSame(one, other)
  local server, place = string.match(one, '^([^/]*)(/.*)$')
  local otherServer, otherPlace = string.match(other, '^([^/]*)(/.*)$')
  return place == otherPlace and (server == otherServer or server == '' or otherServer == '')
end
local function demandOwner(owner, database)
  if owner and not isSame(owner, database) then return redis.error_reply('OWNED ' .. owner) end
end
`

/** Above this a number is not exact any more: two writes would have one version. */
export const VERSION_MAX = Number.MAX_SAFE_INTEGER
