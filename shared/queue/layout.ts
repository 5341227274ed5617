/**
 * The layout: how many shards there are. It lies beside the queue's own list, and is changed while writes flow
 * (`reshard.ts`). Without one there is one shard.
 */
import { number, script } from "./script.ts"
import type { Layout } from "./shards.ts"

/** A change that is under way: `to` so many shards; null when none is. */
export interface Plan extends Layout {
  readonly to: number | null
}

const read = ([shards, ever, to]: readonly [number, number, number]): Plan => ({
  ...{ shards, ever, to: to === 0 ? null : to },
})

const READ = `
local function read()
  local shards, ever, to = unpack(redis.call('HMGET', layout, 'shards', 'ever', 'to'))
  return { tonumber(shards or '1'), tonumber(ever or '0'), tonumber(to or '0') }
end
`

/**
 * Replies with the layout. Of a queue in which nothing has ever been, the `first` one who asks says how many shards
 * it has; any other keeps what it has. Who knows that there were `ever` so many says so when the node that has the
 * layout has lost its data: the others' writes wait still.
 */
export const layoutOf = script({
  mode: "drains",
  keys: ["layout", "counters", "waiting"],
  args: { first: number, ever: number },
  reply: read,
  lua: `${READ}
local isNew = redis.call('HEXISTS', counters, 'version') == 0 and redis.call('EXISTS', waiting) == 0
if redis.call('EXISTS', layout) == 0 and (ever > 0 or first > 1 and isNew) then
  redis.call('HSET', layout, 'shards', first, 'ever', math.max(first > 1 and first or 0, ever))
  if first > 1 then
    redis.call('HSET', counters, 'layout', 'to ' .. first, 'step', first + 1, 'residue', first)
  end
end
return read()
`,
})

/**
 * Plans a change to so many shards, which are served from now on. Replies with what was before: a change to as many
 * that is under way may be gone on with; one to another number stays, and nothing is planned.
 */
export const planLayout = script({
  mode: "drains",
  keys: ["layout"],
  args: { shards: number },
  reply: read,
  lua: `${READ}
local before = read()
local now, ever, to = unpack(before)
if to ~= 0 and to ~= shards then return before end
local numbered = shards > 1 and shards or 0
redis.call('HSET', layout, 'shards', now, 'ever', math.max(ever, numbered), 'to', shards)
return before
`,
})

/** Ends the change to so many shards. */
export const finishLayout = script({
  mode: "drains",
  keys: ["layout"],
  args: { shards: number },
  reply: () => {},
  lua: `
redis.call('HSET', layout, 'shards', shards)
redis.call('HDEL', layout, 'to')
`,
})
