import { CLOCK, RING, VERSION_MAX } from "./prelude.ts"
import { flag, list, number, script } from "./script.ts"

/**
 * A Redis that was promoted may lack the last versions of the master before it, whose clock may have run
 * ahead, and whose worker has perhaps stored them. That master issued none above its clock, of which
 * the workers' newest deadline is a lease ahead; the replica was behind by less than this.
 */
const REPLICA_LAG_MICROS = 60_000_000

/** From how long Retry-After is worked out. */
export const DRAINED_SECONDS = 10

/**
 * Queues `writes`, JSON objects, up to `most` waiting ones. Replies with the depth after, the version of
 * the first, how many of the writes were `taken` (the first ones; the others would exceed the limit),
 * and, when not all were, how many writes left the queue in the last seconds.
 *
 * `isFirst`, the first call on a connection and now and then, looks whether Redis is still the one that it
 * was: its replication id changes with each promotion and each start, and then versions are lifted above
 * all that the one before can have issued. Without writes it has no effect, and is refused whenever writes would be.
 */
export const enqueue = script({
  mode: "fills",
  keys: ["waiting", "counters", "workers"],
  args: { most: number, isFirst: flag, writes: list },
  reply: ([depth, first, taken, drained]: [number, number, number, number]) => ({
    depth,
    first,
    taken,
    drained,
  }),
  lua: `${CLOCK}${RING}
local now = micros()
local last, history, parked = unpack(redis.call('HMGET', counters, 'version', 'history', 'parked'))
local depth = redis.call('LLEN', waiting) + tonumber(parked or '0')
local taken = math.max(0, math.min(#writes, most - depth))
local drained = 0
if taken < #writes then drained = leftIn(counters, ${DRAINED_SECONDS}, math.floor(now / 1000000)) end
if taken == 0 then return { depth, 0, 0, drained } end
last = tonumber(last or '0')
local clock = readClock(counters)
if isFirst then
  local info = redis.pcall('INFO', 'replication')
  local id = type(info) == 'string' and string.match(info, 'master_replid:(%w+)')
  if id and id ~= history then
    if history then
      local deadline = redis.call('ZREVRANGE', workers, 0, 0, 'WITHSCORES')[2]
      local newest = math.max(now, tonumber(deadline or '0') * 1000) + clock.offset + ${REPLICA_LAG_MICROS}
      clock = { offset = newest - now, lifted = last, former = clock.offset, isNew = true }
    end
    history = id
  end
end
local first, items = math.max(last + 1, now + clock.offset), {}
if first + taken > ${VERSION_MAX} then
  return redis.error_reply('VERSIONS are at their end: the table or the clock is far ahead of time')
end
if clock.isNew then setClock(counters, clock) end
if isFirst and history then redis.call('HSET', counters, 'history', history) end
for i = 1, taken do items[i] = withVersion(first + i - 1, string.sub(writes[i], 2)) end
push('LPUSH', waiting, items)
redis.call('HSET', counters, 'version', text(first + taken - 1))
redis.call('HINCRBY', counters, 'queued', taken)
if last == 0 then redis.call('HSETNX', counters, 'since', redis.call('TIME')[1]) end
return { depth + taken, first, taken, drained }
`,
})
