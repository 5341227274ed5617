import { CLOCK } from "./prelude.ts"
import { list, number, script, text } from "./script.ts"

/** Nobody waits for a commit for longer than this. */
const ASKED_MICROS = 60_000_000

/** Of so many live workers, those with the latest deadlines, it is told who is able to write. */
const LIVE_MAX = 1_000

/** How many deadlines one heartbeat cuts; the next one cuts the rest. */
const CUT_MAX = 1_000

/**
 * A worker lives for another `lease` ms, `hold` is why it writes nothing ('' when it writes), `ids` are
 * the batches that it has. Replies with those that it has lost, up to `most` leases past their deadline, the lots
 * of parked writes, and who is able: lives and does not hold; when all hold, all who live.
 * Extends leases that exist and never revives one: a batch that was recovered belongs to somebody else.
 * A deadline further ahead than the longest lease of any worker comes from a clock that was set back, and
 * is cut to that lease.
 */
export const heartbeat = script({
  mode: "drains",
  keys: ["leases", "workers", "holds", "counters", "lots", "asked"],
  args: { worker: text, lease: number, hold: text, most: number, ids: list },
  reply: ([lost, expired, lots, able]: ReadonlyArray<ReadonlyArray<string>>) => ({
    lost: lost ?? [],
    expired: expired ?? [],
    lots: lots ?? [],
    able: able ?? [],
  }),
  lua: `${CLOCK}
local now, lost = millis(), {}
local deadline = now + lease
local longest = tonumber(redis.call('HGET', counters, 'lease') or '0')
if lease > longest then
  longest = lease
  redis.call('HSET', counters, 'lease', text(lease))
end
for _, key in ipairs({ leases, workers }) do
  local late = redis.call('ZRANGEBYSCORE', key, '(' .. text(now + longest), '+inf', 'LIMIT', 0, ${CUT_MAX})
  for _, member in ipairs(late) do redis.call('ZADD', key, text(now + longest), member) end
end
local forgotten = micros() + readClock(counters).offset - ${ASKED_MICROS}
redis.call('ZREMRANGEBYSCORE', asked, '-inf', text(forgotten))
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', workers, '-inf', now)) do
  redis.call('ZREM', workers, gone)
  redis.call('HDEL', holds, gone)
end
redis.call('ZADD', workers, deadline, worker)
if hold == '' then redis.call('HDEL', holds, worker) else redis.call('HSET', holds, worker, hold) end
for _, id in ipairs(ids) do
  if redis.call('ZSCORE', leases, id) then redis.call('ZADD', leases, 'XX', deadline, id)
  else lost[#lost + 1] = id end
end
local live, able = redis.call('ZRANGE', workers, ${-LIVE_MAX}, -1), {}
if redis.call('HLEN', holds) > 0 then
  for _, id in ipairs(live) do
    if redis.call('HEXISTS', holds, id) == 0 then able[#able + 1] = id end
  end
end
return {
  lost,
  redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, most),
  redis.call('SMEMBERS', lots),
  #able > 0 and able or live
}
`,
})
