import { list, script } from "./script.ts"

/**
 * Puts dead letters back into the queue; `pairs` are a letter as it stands in the list, then the item it
 * was. Replies with how many went back: a letter that is gone is nobody's to replay.
 * The item keeps its version, so that a replay never overwrites anything newer, and is the next to be
 * claimed. LREM finds a letter in the time of a scan; operators' calls are few. With nothing to put back
 * `-#back` would be -0, which Redis 7.0 takes for no integer.
 */
export const replay = script({
  mode: "drains",
  keys: ["waiting", "dead", "counters"],
  args: { pairs: list },
  reply: (back: number) => back,
  lua: `
local back = {}
for i = 1, #pairs, 2 do
  if redis.call('LREM', dead, -1, pairs[i]) == 1 then back[#back + 1] = pairs[i + 1] end
end
push('RPUSH', waiting, back)
redis.call('HINCRBY', counters, 'failed', 0 - #back)
return #back
`,
})
