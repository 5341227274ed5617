import { READING } from "./prelude.ts"

/**
 * KEYS waiting. RETURNS how many writes wait, and the ages of the oldest and of the newest in ms; an
 * item without a version counts as very old. What a window needs to know, and it takes nothing.
 */
export const look = `${READING}
local now = micros()
local function age(item)
  local version = item and string.match(item, '^{"version":(%d+),')
  return version and math.floor((now - version) / 1000) or 86400000
end
local depth = redis.call('LLEN', KEYS[1])
if depth == 0 then return { 0, 0, 0 } end
return { depth, age(redis.call('LINDEX', KEYS[1], -1)), age(redis.call('LINDEX', KEYS[1], 0)) }
`
