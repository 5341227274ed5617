import { CLOCK } from "./prelude.ts"
import { script } from "./script.ts"

/** What waits: how many writes, and the ages of the oldest and the newest in milliseconds. */
export interface Look {
  readonly depth: number
  readonly oldestAge: number
  readonly newestAge: number
  /** A client waits for the commit of one of them. */
  readonly asked: boolean
  /** An operator stopped claiming: nothing is to be taken, whatever waits. */
  readonly paused: boolean
}

/** What a window needs to know; it takes nothing. An item without a version counts as very old. */
export const look = script({
  mode: "looks",
  keys: ["waiting", "counters", "asked"],
  args: {},
  reply: ([depth, oldestAge, newestAge, paused, asked]: ReadonlyArray<number>): Look => ({
    depth: depth ?? 0,
    oldestAge: oldestAge ?? 0,
    newestAge: newestAge ?? 0,
    asked: asked === 1,
    paused: paused === 1,
  }),
  lua: `${CLOCK}
local now, clock = micros(), readClock(counters)
local function age(item)
  local version = versionOf(item)
  return version and math.floor((now - acceptedAt(version, clock)) / 1000) or 86400000
end
local depth = redis.call('LLEN', waiting)
local paused = redis.call('HEXISTS', counters, 'paused')
if depth == 0 then return { 0, 0, 0, paused, 0 } end
local oldest, newest = redis.call('LINDEX', waiting, -1), redis.call('LINDEX', waiting, 0)
local awaited = redis.call('ZREVRANGE', asked, 0, 0)[1]
local since = awaited and versionOf(oldest)
local isAsked = since and tonumber(awaited) >= since and 1 or 0
return { depth, age(oldest), age(newest), paused, isAsked }
`,
})
