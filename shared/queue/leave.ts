import { script, text } from "./script.ts"

/** A worker that stops is not waited for. */
export const leave = script({
  mode: "drains",
  keys: ["workers", "holds"],
  args: { worker: text },
  reply: () => {},
  lua: `
redis.call('HDEL', holds, worker)
return redis.call('ZREM', workers, worker)
`,
})
