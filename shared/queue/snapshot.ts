import { CLOCK, RING } from "./prelude.ts"
import { script } from "./script.ts"

/** Long enough for a steady rate, short enough to show what goes on now. */
const RATE_SECONDS = 10

type Raw = [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  string[],
  string[],
  Array<[string, number]>,
]

const pairs = (flat: ReadonlyArray<string>): ReadonlyMap<string, string> =>
  new Map(flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1] ?? ""] as const] : [])))

/**
 * All figures of the queue at one moment. `oldestAt` is when the oldest write that waits or is in flight
 * was accepted, null when there is none; that and its age are in µs of Redis' time. A worker
 * whose deadline is further ahead than a lease is none: the clock was set back since it died.
 */
export const snapshot = script({
  mode: "looks",
  keys: [
    "waiting",
    "leases",
    "workers",
    "counters",
    "dead",
    "holds",
    "lots",
    "lotPrefix",
    "batchPrefix",
  ],
  args: {},
  reply: ([
    now,
    depth,
    inFlight,
    workers,
    deadLetters,
    acceptedAt,
    left,
    holds,
    counters,
    parked,
  ]: Raw) => ({
    depth,
    inFlight,
    workers,
    deadLetters,
    oldestAt: acceptedAt === 0 ? null : acceptedAt,
    oldestAge: acceptedAt === 0 ? 0 : Math.max(0, now - acceptedAt),
    /** Writes that left the queue, a second, in the last ten. */
    rate: left / RATE_SECONDS,
    /** Why live workers hold: of the database, or of a table, which is named in front: `events: `. */
    holds: holds.flatMap((reasons) => reasons.split("\n")),
    counters: pairs(counters),
    /** How many writes wait in each lot; they are part of the depth. */
    parked: new Map(parked),
  }),
  lua: `${CLOCK}${RING}
local now, inFlight, oldest, clock = micros(), 0, nil, readClock(counters)
local function age(item)
  local version = versionOf(item)
  local at = version and acceptedAt(version, clock)
  if at and (not oldest or at < oldest) then oldest = at end
end
age(redis.call('LINDEX', waiting, -1))
for _, id in ipairs(redis.call('ZRANGE', leases, 0, -1)) do
  inFlight = inFlight + redis.call('LLEN', batchPrefix .. id)
  age(redis.call('LINDEX', batchPrefix .. id, 0))
end
local depth, parked = redis.call('LLEN', waiting), {}
for _, lot in ipairs(redis.call('SMEMBERS', lots)) do
  local count = redis.call('LLEN', lotPrefix .. lot)
  depth = depth + count
  parked[#parked + 1] = { lot, count }
  age(redis.call('LINDEX', lotPrefix .. lot, 0))
end
local lease = redis.call('HGET', counters, 'lease')
local latest = lease and text(math.floor(now / 1000) + lease) or '+inf'
local live = redis.call('ZRANGEBYSCORE', workers, '(' .. text(math.floor(now / 1000)), latest)
local reasons = {}
for _, worker in ipairs(live) do
  reasons[#reasons + 1] = redis.call('HGET', holds, worker) or nil
end
local left = leftIn(counters, ${RATE_SECONDS}, math.floor(now / 1000000))
return {
  now, depth, inFlight, #live, redis.call('LLEN', dead), oldest or 0, left,
  reasons, redis.call('HGETALL', counters), parked
}
`,
})
