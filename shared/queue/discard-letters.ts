import { list, script } from "./script.ts"

/**
 * Throws dead letters away, `letters` as they stand in the list. Replies with how many were there.
 * They stay counted as failed: a write that failed and was discarded did not succeed.
 */
export const discardLetters = script({
  mode: "drains",
  keys: ["dead", "counters"],
  args: { letters: list },
  reply: (gone: number) => gone,
  lua: `
local gone = 0
for _, letter in ipairs(letters) do gone = gone + redis.call('LREM', dead, -1, letter) end
redis.call('HINCRBY', counters, 'discarded', gone)
return gone
`,
})
