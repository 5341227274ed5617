import { PRELUDE } from "./prelude.ts"

/**
 * KEYS waiting, counters. ARGV the most writes that may wait, then writes as JSON objects.
 * RETURNS depth after, version of the first, how many of the writes were taken (the first ones; the
 * others would exceed the limit), and, when not all were, how many writes left the queue in the last
 * 10 seconds.
 * No allow-oom, and its first write is the LPUSH: a full Redis refuses it before any effect.
 */
export const enqueue = `${PRELUDE}
local waiting, counters = KEYS[1], KEYS[2]
local depth = redis.call('LLEN', waiting)
local last = tonumber(redis.call('HGET', counters, 'version') or '0')
local taken = math.max(0, math.min(#ARGV - 1, tonumber(ARGV[1]) - depth))
local drained = 0
if taken < #ARGV - 1 then
  local now = tonumber(redis.call('TIME')[1])
  for slot = 0, 15 do
    local second, count = string.match(redis.call('HGET', counters, 'second:' .. slot) or '', '^(%d+):(%d+)$')
    if second and tonumber(second) > now - 10 then drained = drained + count end
  end
  if taken == 0 then return { depth, 0, 0, drained } end
end
local first, items = math.max(last + 1, micros()), {}
for i = 1, taken do
  items[i] = '{"version":' .. text(first + i - 1) .. ',' .. string.sub(ARGV[i + 1], 2)
end
push('LPUSH', waiting, items)
redis.call('HSET', counters, 'version', text(first + taken - 1))
redis.call('HINCRBY', counters, 'queued', taken)
if last == 0 then redis.call('HSETNX', counters, 'since', redis.call('TIME')[1]) end
return { depth + taken, first, taken, drained }
`
