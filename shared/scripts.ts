/**
 * The queue protocol: each step is one Lua script, atomic in Redis, O(writes in the call). The scripts
 * splice text and never parse a value. They validate before their first write, because Redis does
 * not roll back. Those that drain carry `allow-oom`: a full Redis must still drain. Redis 7 or newer.
 *
 * What always holds: queued = waiting + in flight + processed + failed, and each write leaves its batch
 * once, by the one call that deletes the batch's list. Counts come from that list, never from a client.
 */

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
`

const DRAINING = `#!lua flags=allow-oom\n${PRELUDE}`

/** Moves a batch back to where it came from: the oldest write is again the rightmost. */
const PUT_BACK = `
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

/**
 * KEYS waiting, counters. ARGV the most writes that may wait, then writes as JSON objects.
 * RETURNS depth after, version of the first, how many of the writes were taken (the first ones; the
 * others would exceed the limit), and how many writes left the queue in the last 10 seconds.
 * No allow-oom, and its first write is the LPUSH: a full Redis refuses it before any effect.
 */
const enqueue = `${PRELUDE}
local waiting, counters = KEYS[1], KEYS[2]
local depth = redis.call('LLEN', waiting)
local last = tonumber(redis.call('HGET', counters, 'version') or '0')
local taken = math.max(0, math.min(#ARGV - 1, tonumber(ARGV[1]) - depth))
if taken == 0 then
  local drained, now = 0, tonumber(redis.call('TIME')[1])
  for slot = 0, 15 do
    local second, count = string.match(redis.call('HGET', counters, 'second:' .. slot) or '', '^(%d+):(%d+)$')
    if second and tonumber(second) > now - 10 then drained = drained + count end
  end
  return { depth, 0, 0, drained }
end
local first, items = math.max(last + 1, micros()), {}
for i = 1, taken do
  items[i] = '{"version":' .. text(first + i - 1) .. ',' .. string.sub(ARGV[i + 1], 2)
end
push('LPUSH', waiting, items)
redis.call('HSET', counters, 'version', text(first + taken - 1))
redis.call('HINCRBY', counters, 'queued', taken)
if last == 0 then redis.call('HSETNX', counters, 'since', redis.call('TIME')[1]) end
return { depth + taken, first, taken, 0 }
`

/**
 * KEYS waiting. RETURNS how many writes wait, and the ages of the oldest and of the newest in ms; an
 * item without a version counts as very old. What a window needs to know, and it takes nothing.
 */
const look = `#!lua flags=allow-oom,no-writes\n${PRELUDE}
local now = micros()
local function age(item)
  local version = item and string.match(item, '^{"version":(%d+),')
  return version and math.floor((now - version) / 1000) or 86400000
end
local depth = redis.call('LLEN', KEYS[1])
if depth == 0 then return { 0, 0, 0 } end
return { depth, age(redis.call('LINDEX', KEYS[1], -1)), age(redis.call('LINDEX', KEYS[1], 0)) }
`

/**
 * KEYS waiting, batch, leases, counters. ARGV id, most writes, most bytes, lease in ms.
 * RETURNS the batch, oldest first; nil when no worker has lifted the version yet (see \`seed\`).
 * Claiming the same id again returns the same batch, so that a lost reply costs nothing.
 * An item that enqueue did not make (no version, or one never issued) gets one here and is counted.
 */
const claim = `${DRAINING}
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
    local version = string.match(item, '^{"version":(%d+),')
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

/**
 * KEYS batch, leases, counters, dead. ARGV id, how many were coalesced, then dead letters.
 * RETURNS how many writes the batch had; -1 when the batch is gone (another worker recovered it, and
 * counts it): then nothing changes.
 */
const acknowledge = `${DRAINING}
local batch, leases, counters, dead = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local count = redis.call('LLEN', batch)
if count == 0 then return -1 end
local failed = #ARGV - 2
redis.call('DEL', batch)
redis.call('ZREM', leases, ARGV[1])
local letters = {}
for i = 3, #ARGV do letters[#letters + 1] = ARGV[i] end
push('LPUSH', dead, letters)
redis.call('HINCRBY', counters, 'processed', count - failed)
redis.call('HINCRBY', counters, 'failed', failed)
redis.call('HINCRBY', counters, 'coalesced', ARGV[2])
local second = redis.call('TIME')[1]
local slot = 'second:' .. second % 16
local at, before = string.match(redis.call('HGET', counters, slot) or '', '^(%d+):(%d+)$')
redis.call('HSET', counters, slot, second .. ':' .. text(count + (at == second and before or 0)))
return count
`

/**
 * KEYS waiting, batch, leases. ARGV id. RETURNS how many writes went back.
 */
const release = `${DRAINING}${PUT_BACK}
return putBack(KEYS[1], KEYS[2], KEYS[3], ARGV[1])
`

/**
 * KEYS waiting, batch, leases, counters. ARGV id. RETURNS how many writes went back; 0 when the lease
 * is not past its deadline (it was extended, or another worker was first).
 */
const recover = `${DRAINING}${PUT_BACK}
local deadline = redis.call('ZSCORE', KEYS[3], ARGV[1])
if not deadline or tonumber(deadline) > millis() then return 0 end
local count = putBack(KEYS[1], KEYS[2], KEYS[3], ARGV[1])
redis.call('HINCRBY', KEYS[4], 'redelivered', count)
return count
`

/**
 * KEYS leases, workers, holds. ARGV worker, lease in ms, why the worker holds ('' when it does not),
 * how many expired leases to name at most, then the ids of its batches.
 * RETURNS the batches it has lost, and the leases past their deadline. Extends leases that exist
 * and never revives one: a batch that was recovered belongs to somebody else.
 */
const heartbeat = `${DRAINING}
local leases, workers, holds = KEYS[1], KEYS[2], KEYS[3]
local now, lost = millis(), {}
local deadline = now + tonumber(ARGV[2])
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', workers, '-inf', now)) do
  redis.call('ZREM', workers, gone)
  redis.call('HDEL', holds, gone)
end
redis.call('ZADD', workers, deadline, ARGV[1])
if ARGV[3] == '' then redis.call('HDEL', holds, ARGV[1]) else redis.call('HSET', holds, ARGV[1], ARGV[3]) end
for i = 5, #ARGV do
  if redis.call('ZSCORE', leases, ARGV[i]) then redis.call('ZADD', leases, 'XX', deadline, ARGV[i])
  else lost[#lost + 1] = ARGV[i] end
end
return { lost, redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, tonumber(ARGV[4])) }
`

/** KEYS workers, holds. ARGV worker. A worker that stops is not waited for. */
const leave = `${DRAINING}
redis.call('HDEL', KEYS[2], ARGV[1])
return redis.call('ZREM', KEYS[1], ARGV[1])
`

/**
 * KEYS waiting, counters. ARGV the highest version in the table. RETURNS 1 when versions were lifted.
 * Called once for each life of the Redis data. When Redis came back empty with a clock behind the one
 * that issued the table's versions, new writes would lose to old rows: the writes that wait are then
 * given versions above the table's, in their order.
 */
const seed = `${DRAINING}
local waiting, counters = KEYS[1], KEYS[2]
local last, highest = tonumber(redis.call('HGET', counters, 'version') or '0'), tonumber(ARGV[1])
redis.call('HSET', counters, 'seeded', 1)
redis.call('HSETNX', counters, 'since', redis.call('TIME')[1])
if last >= highest then return 0 end
local left = redis.call('LLEN', waiting)
while left > 0 do
  local bite, lifted = redis.call('RPOP', waiting, math.min(UNPACK_MAX, left)), {}
  for i, item in ipairs(bite) do
    local version, rest = string.match(item, '^{"version":(%d+),(.*)$')
    if version then
      highest = highest + 1
      item = '{"version":' .. text(highest) .. ',' .. rest
    end
    lifted[i] = item
  end
  push('LPUSH', waiting, lifted)
  left = left - #bite
end
redis.call('HSET', counters, 'version', text(highest))
return 1
`

/**
 * KEYS waiting, leases, workers, counters, dead, holds. ARGV the prefix of batch lists.
 * RETURNS now in µs, depth, in flight, live workers, dead letters, the oldest version not yet processed
 * (0: none), why live workers hold, and the counters as a flat list of names and values.
 */
const snapshot = `#!lua flags=allow-oom,no-writes\n${PRELUDE}
local now, inFlight, oldest = micros(), 0, nil
local function age(item)
  local version = tonumber(item and string.match(item, '^{"version":(%d+),') or nil)
  if version and (not oldest or version < oldest) then oldest = version end
end
age(redis.call('LINDEX', KEYS[1], -1))
for _, id in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  inFlight = inFlight + redis.call('LLEN', ARGV[1] .. id)
  age(redis.call('LINDEX', ARGV[1] .. id, 0))
end
local workers = redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. text(math.floor(now / 1000)), '+inf')
local reasons = {}
for _, worker in ipairs(workers) do
  reasons[#reasons + 1] = redis.call('HGET', KEYS[6], worker) or nil
end
return {
  now, redis.call('LLEN', KEYS[1]), inFlight, #workers, redis.call('LLEN', KEYS[5]), oldest or 0,
  reasons, redis.call('HGETALL', KEYS[4])
}
`

const script = (numberOfKeys: number, lua: string) => ({ numberOfKeys, lua })

/** As ioredis takes them: EVAL once for each connection, EVALSHA afterwards, again on NOSCRIPT. */
export const SCRIPTS = {
  enqueue: script(2, enqueue),
  look: script(1, look),
  claim: script(4, claim),
  acknowledge: script(4, acknowledge),
  release: script(3, release),
  recover: script(4, recover),
  heartbeat: script(3, heartbeat),
  leave: script(2, leave),
  seed: script(2, seed),
  snapshot: script(6, snapshot),
}
