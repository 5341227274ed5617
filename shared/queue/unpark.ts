import { LEAVE_LOT } from "./prelude.ts"
import { number, script, text } from "./script.ts"

/**
 * Puts up to `most` writes of a lot back into the queue, the oldest ones, where they are claimed next.
 * Replies with how many that were; with 0 when the lot is empty.
 */
export const unpark = script({
  mode: "drains",
  keys: ["waiting", "counters", "lots", "lotPrefix"],
  args: { lot: text, most: number },
  reply: (count: number) => count,
  lua: `${LEAVE_LOT}
local items, reversed = redis.call('LPOP', lotPrefix .. lot, most) or {}, {}
for i = #items, 1, -1 do reversed[#reversed + 1] = items[i] end
push('RPUSH', waiting, reversed)
leaveLot(counters, lots, lotPrefix, lot, #items)
return #items
`,
})
