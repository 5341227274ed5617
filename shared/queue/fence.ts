/** The fence of a shard: it takes writes only of who knows the layout, and of nobody while that changes. */
import { flag, number, script, text } from "./script.ts"

/** What a shard hands on to those that follow it. */
export interface Closed {
  /** No version above it has been issued. */
  readonly version: number
  /** Whether versions are known to be above those in the table. */
  readonly isSeeded: boolean
  /** The identity of the database that it belongs to; "" before the first seed. */
  readonly database: string
  readonly isPaused: boolean
}

/** What a shard is told of the change, and of those that were before it. */
const FOLLOWING = {
  shards: number,
  least: number,
  step: number,
  residue: number,
  isSeeded: flag,
  database: text,
}

/**
 * Takes no write from now on until `openShard`, for a change to so many `shards`. Versions that it issues for what
 * others push are above `least`, and of the series of this `step` and `residue`; a step of 0 leaves the series.
 * What the others said makes it seeded, and somebody's: seeded alone, and later, it would issue versions that are minutes
 * ahead of theirs.
 * Fails with UNSEEDED, without an effect, while a worker may yet lift the versions of what waits here: above those
 * that the writes which follow on another shard will have.
 */
export const closeShard = script({
  mode: "drains",
  keys: ["counters"],
  args: FOLLOWING,
  reply: ([version, seeded, database, paused]: readonly [
    string,
    string,
    string,
    string,
  ]): Closed => ({
    version: Number(version),
    isSeeded: seeded !== "",
    database,
    isPaused: paused !== "",
  }),
  lua: `
local last, queued, seeded, owner, paused =
  unpack(redis.call('HMGET', counters, 'version', 'queued', 'seeded', 'database', 'paused'))
if queued and not seeded then
  return redis.error_reply('UNSEEDED the first writes of a shard wait for a worker')
end
local version = math.max(tonumber(last or '0'), least)
redis.call('HSET', counters, 'layout', 'to ' .. text(shards))
if version > 0 then redis.call('HSET', counters, 'version', text(version)) end
if step > 0 then redis.call('HSET', counters, 'step', step, 'residue', residue) end
if isSeeded then redis.call('HSET', counters, 'seeded', 1) end
if database ~= '' and not owner then redis.call('HSET', counters, 'database', database) end
return { text(version), seeded or '', owner or '', paused or '' }
`,
})

/**
 * Takes the writes of a layout of so many `shards` from now on, with versions above `least`. What it follows says
 * whether it is seeded, whose it is, and whether workers pause; what it is already, it stays.
 */
export const openShard = script({
  mode: "drains",
  keys: ["counters"],
  args: { ...FOLLOWING, isPaused: flag },
  reply: () => {},
  lua: `
local last = redis.call('HGET', counters, 'version')
local version = math.max(tonumber(last or '0'), least)
redis.call('HSET', counters, 'layout', text(shards), 'step', step, 'residue', residue)
if version > 0 then redis.call('HSET', counters, 'version', text(version)) end
if isSeeded then redis.call('HSET', counters, 'seeded', 1) end
if database ~= '' then redis.call('HSET', counters, 'database', database) end
redis.call('HSETNX', counters, 'since', redis.call('TIME')[1])
if isPaused then redis.call('HSET', counters, 'paused', 1) end
`,
})
