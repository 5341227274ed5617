import { CLOCK, RING, SERIES, VERSION_MAX } from "./prelude.ts"
import { flag, list, number, optional, script, text } from "./script.ts"

/**
 * A Redis that was promoted may lack the last versions of the master before it, whose clock may have run
 * ahead, and whose worker has perhaps stored them. That master issued none above its clock, of which
 * the workers' newest deadline is a lease ahead; the replica was behind by less than this.
 */
const REPLICA_LAG_MICROS = 60_000_000

/** From how long Retry-After is worked out. */
export const DRAINED_SECONDS = 10

/** What a write is whose idempotency key another write had before. */
export type Repeated =
  /** The same payload: what the first one was answered. */
  | { readonly version: number; readonly depth: number }
  /** The same payload, at this place of the same call. */
  | { readonly place: number }
  /** Another payload. */
  | null

const readRepeated = (answer: string): Repeated => {
  if (answer === "") return null
  const [version, depth] = answer.split(" ").map(Number)
  return depth === undefined ? { place: Number(version) - 1 } : { version: Number(version), depth }
}

type Raw = [
  depth: number,
  first: number,
  step: number,
  taken: number,
  drained: number,
  repeated: ReadonlyArray<readonly [place: number, answer: string]>,
]

/**
 * Queues `writes`, JSON objects, up to `most` waiting ones. Replies with the depth after, the version of
 * the first, the `step` from one to the next, how many of the writes were `taken` (the first ones; the others
 * would exceed the limit), and, when not all were, how many writes left the queue in the last seconds.
 *
 * `awaited` are the places, from 1, of writes whose clients wait for the commit: `acknowledge` tells what became
 * of them. `once` has three words for each write with an idempotency key: its place, a digest of the key, and
 * one of the payload, which all writes of one request have in common: if one of them has a key that another
 * payload had, none is queued. The first write of a key is remembered for `onceSeconds`; what repeats it is not queued,
 * has none of the versions and does not count as taken, and is `repeated`, by place from 0. Both are left out where
 * nobody asks, and cost nothing then.
 *
 * Fails with LAYOUT, without an effect, when the queue does not have so many `shards`, of which this is `shard`: a
 * write of a key in two shards would have versions of two clocks. One that has lost its data believes what it is told.
 *
 * `isFirst`, the first call on a connection and now and then, looks whether Redis is still the one that it
 * was: its replication id changes with each promotion and each start, and then versions are lifted above
 * all that the one before can have issued. Without writes it has no effect, and is refused whenever writes would be.
 */
export const enqueue = script({
  mode: "fills",
  keys: ["waiting", "counters", "workers", "asked", "oncePrefix"],
  args: {
    most: number,
    isFirst: flag,
    awaited: optional<string>(text, ""),
    once: optional<string>(text, ""),
    onceSeconds: optional<number>(number, 1),
    shards: optional<number>(number, 1),
    shard: optional<number>(number, 0),
    writes: list,
  },
  reply: ([depth, first, step, taken, drained, repeated]: Raw) => ({
    depth,
    first,
    step,
    taken,
    drained,
    repeated: new Map(repeated.map(([place, answer]) => [place - 1, readRepeated(answer)])),
  }),
  lua: `${CLOCK}${RING}${SERIES}
local now = micros()
local last, history, parked, layout, step, residue =
  unpack(redis.call('HMGET', counters, 'version', 'history', 'parked', 'layout', 'step', 'residue'))
if layout and layout ~= text(shards) then return redis.error_reply('LAYOUT is ' .. layout) end
if not layout and shards > 1 then step, residue = shards + 1, shard end
step, residue = tonumber(step or '1'), tonumber(residue or '0')
local depth = redis.call('LLEN', waiting) + tonumber(parked or '0')
local repeated, remembered, fresh, positions = {}, {}, writes, nil
if once ~= '' then
  local seen, skipped, conflicts = {}, {}, {}
  for _, key, payload in string.gmatch(once, '(%d+) (%w+) (%w+)') do
    local before = string.match(redis.call('GET', oncePrefix .. key) or payload, '^%w+')
    if before ~= payload then conflicts[payload] = true end
  end
  for place, key, payload in string.gmatch(once, '(%d+) (%w+) (%w+)') do
    local found = seen[key] or redis.call('GET', oncePrefix .. key)
    if found or conflicts[payload] then
      local before, answer = string.match(found or '', '^(%w+) (.*)$')
      local isSame = before == payload and not conflicts[payload]
      repeated[#repeated + 1] = { tonumber(place), isSame and answer or '' }
      skipped[tonumber(place)] = true
    else
      seen[key] = payload .. ' ' .. place
      remembered[#remembered + 1] = { tonumber(place), key, payload }
    end
  end
  fresh, positions = {}, {}
  for place, write in ipairs(writes) do
    if not skipped[place] then
      fresh[#fresh + 1] = write
      positions[place] = #fresh
    end
  end
end
local taken = math.max(0, math.min(#fresh, most - depth))
local drained = 0
if taken < #fresh then drained = leftIn(counters, ${DRAINED_SECONDS}, math.floor(now / 1000000)) end
if taken == 0 then return { depth, 0, step, 0, drained, repeated } end
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
local first, items = nextVersion(math.max(last + 1, now + clock.offset), step, residue), {}
local function version(position) return first + (position - 1) * step end
if version(taken) > ${VERSION_MAX} then
  return redis.error_reply('VERSIONS are at their end: the table or the clock is far ahead of time')
end
if clock.isNew then setClock(counters, clock) end
if isFirst and history then redis.call('HSET', counters, 'history', history) end
for i = 1, taken do items[i] = withVersion(version(i), string.sub(fresh[i], 2)) end
push('LPUSH', waiting, items)
redis.call('HSET', counters, 'version', text(version(taken)))
if not layout and shards > 1 then
  redis.call('HSET', counters, 'layout', text(shards), 'step', step, 'residue', residue)
end
redis.call('HINCRBY', counters, 'queued', taken)
if last == 0 then redis.call('HSETNX', counters, 'since', redis.call('TIME')[1]) end
local function versionAt(place)
  local position = positions and positions[place] or not positions and place
  return position and position <= taken and text(version(position)) or nil
end
for place in string.gmatch(awaited, '%d+') do
  local version = versionAt(tonumber(place))
  if version then redis.call('ZADD', asked, version, version) end
end
for _, new in ipairs(remembered) do
  local place, key, payload = unpack(new)
  local version = versionAt(place)
  if version then
    redis.call('SET', oncePrefix .. key, payload .. ' ' .. version .. ' ' .. text(depth + taken), 'EX', onceSeconds)
  end
end
return { depth + taken, first, step, taken, drained, repeated }
`,
})
