import { flag, script } from "./script.ts"

/**
 * Stops claiming on every worker, or lets it go on. Workers look at this mark whenever they look at the
 * queue, and claim asks for it again.
 */
export const pause = script({
  mode: "drains",
  keys: ["counters"],
  args: { isPaused: flag },
  reply: () => {},
  lua: `
if isPaused then redis.call('HSET', counters, 'paused', 1) else redis.call('HDEL', counters, 'paused') end
`,
})
