import { CLOCK, READING } from "./prelude.ts"

/**
 * KEYS waiting, counters. RETURNS how many writes wait, the ages of the oldest and of the newest in ms (an
 * item without a version counts as very old), and 1 when an operator paused the workers. What a window
 * needs to know, and it takes nothing.
 */
export const look = `${READING}${CLOCK}
local now, clock = micros(), readClock(KEYS[2])
local function age(item)
  local version = versionOf(item)
  return version and math.floor((now - acceptedAt(version, clock)) / 1000) or 86400000
end
local depth = redis.call('LLEN', KEYS[1])
local paused = redis.call('HEXISTS', KEYS[2], 'paused')
if depth == 0 then return { 0, 0, 0, paused } end
return { depth, age(redis.call('LINDEX', KEYS[1], -1)), age(redis.call('LINDEX', KEYS[1], 0)), paused }
`
