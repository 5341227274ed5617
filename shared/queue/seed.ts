import { CLOCK, IDENTITY, SERIES } from "./prelude.ts"
import { number, script, text } from "./script.ts"

/**
 * Statements that were under way when Redis lost its data may commit versions above the highest that is
 * seen in the table now; a batch has two minutes, and its last statement twelve seconds.
 */
export const UNDER_WAY_MICROS = 180_000_000

/**
 * Makes versions go on above `highest`, the highest in the table of `database` (an identity), to which the
 * queue belongs from now on. Replies whether versions were lifted or kept. Fails with OWNED as claim does.
 * Called once for each life of the Redis data, and when an operator gives the queue to another database.
 * When Redis came back empty with a clock behind the one that issued the table's versions, new writes
 * would lose to old rows: the writes that wait, parked ones first, are then given versions above the
 * table's, in their order.
 * Of two workers that find it not seeded, the slower one may have looked at the table when rows of the faster
 * one were there already: it changes nothing, for clients were told the versions of what waits by then.
 * Batches under way could come back with old versions: then it waits for them, and nothing is done yet.
 */
export const seed = script({
  mode: "drains",
  keys: ["waiting", "counters", "leases", "lots", "lotPrefix"],
  args: { highest: number, database: text },
  reply: (done: number) => (["waits", "kept", "lifted"] as const)[done + 1] ?? "kept",
  lua: `${CLOCK}${IDENTITY}${SERIES}
local owner = redis.call('HGET', counters, 'database')
local refused = demandOwner(owner, database)
if refused then return refused end
if redis.call('HGET', counters, 'seeded') then return 0 end
local last = tonumber(redis.call('HGET', counters, 'version') or '0')
if highest > 0 then highest = highest + ${UNDER_WAY_MICROS} end
if last < highest and redis.call('ZCARD', leases) > 0 then return -1 end
redis.call('HSET', counters, 'database', database)
redis.call('HSET', counters, 'seeded', 1)
redis.call('HSETNX', counters, 'since', redis.call('TIME')[1])
if last >= highest then return 0 end
for _, lot in ipairs(redis.call('SMEMBERS', lots)) do
  repeat
    local items = redis.call('RPOP', lotPrefix .. lot, UNPACK_MAX) or {}
    push('RPUSH', waiting, items)
  until #items < UNPACK_MAX
end
redis.call('DEL', lots)
redis.call('HDEL', counters, 'parked')
local left, step, residue = redis.call('LLEN', waiting), readSeries(counters)
while left > 0 do
  local popped, lifted = redis.call('RPOP', waiting, math.min(UNPACK_MAX, left)), {}
  for i, item in ipairs(popped) do
    local version, members = string.match(item, '^{"version":(%d+),(.*)$')
    if version then
      highest = nextVersion(highest + 1, step, residue)
      item = withVersion(highest, members)
    end
    lifted[i] = item
  end
  push('LPUSH', waiting, lifted)
  left = left - #popped
end
redis.call('HSET', counters, 'version', text(highest))
local offset = math.max(readClock(counters).offset, highest - micros())
setClock(counters, { offset = offset, lifted = 0, former = 0 })
return 1
`,
})
