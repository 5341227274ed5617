/** What several scripts share; each script is one text in Redis, so it is spliced in front. */

/** Lua's `unpack` fails above about 8,000 values, and its `..` turns a version into 1.79e+15. */
export const PRELUDE = `
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
`

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
