import { PUT_BACK } from "./prelude.ts"
import { script, text } from "./script.ts"

/** Puts the batch `id` back to where it came from. Replies with how many writes that were. */
export const release = script({
  mode: "drains",
  keys: ["waiting", "batch", "leases"],
  args: { id: text },
  reply: (count: number) => count,
  lua: `${PUT_BACK}
return putBack(waiting, batch, leases, id)
`,
})
