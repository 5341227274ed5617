/** What several scripts share; each script is one text in Redis, so it is spliced in front. */

/** Lua's `unpack` fails above about 8,000 values, and its `..` turns a version into 1.79e+15. */
const PRELUDE = `
local UNPACK_MAX = 1000
local function push(command, key, items)
  for i = 1, #items, UNPACK_MAX do
    redis.call(command, key, unpack(items, i, math.min(i + UNPACK_MAX - 1, #items)))
  end
end
local function text(number) return string.format('%.0f', number) end
local function micros()
  local now = redis.call('TIME')
  return now[1] * 1000000 + now[2]
end
local function millis() return math.floor(micros() / 1000) end
local function versionOf(item)
  return tonumber(item and string.match(item, '^{"version":([1-9]%d*),') or nil)
end
`

/**
 * For the scripts that Redis must refuse as a whole, before any effect, when it is full, cannot keep its
 * log, or is a replica. A Redis older than 7 cannot read the first line, and refuses them as well.
 */
export const REFUSABLE = `#!lua\n${PRELUDE}`

/** For the scripts that must work when Redis is full. */
export const DRAINING = `#!lua flags=allow-oom\n${PRELUDE}`

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

/** For the scripts that only look. */
export const READING = `#!lua flags=allow-oom,no-writes\n${PRELUDE}`

/**
 * The queue's clock, in microseconds, of which versions are moments: Redis' own time and an offset. The
 * offset makes up for what a clock that was set back would take away, and for what the master before a
 * promotion may have issued; so the clock never goes back, and the age of a write is right at once
 * after either. Versions up to `lifted` were issued when the offset was still `former`.
 */
export const CLOCK = `
local function readClock(counters)
  local offset, lifted, former = unpack(redis.call('HMGET', counters, 'offset', 'lifted', 'former'))
  return {
    offset = tonumber(offset or '0'), lifted = tonumber(lifted or '0'), former = tonumber(former or '0')
  }
end
local function setClock(counters, clock)
  redis.call('HSET', counters,
    'offset', text(clock.offset), 'lifted', text(clock.lifted), 'former', text(clock.former))
end
local function acceptedAt(version, clock)
  return version - (version > clock.lifted and clock.offset or clock.former)
end
`
