/** How many shards ingest writes to, and how each list is, or with a number the change to so many, which goes on while writes flow. */
import { type Answer, call } from "./call.ts"
import { UsageError } from "./usage.ts"

export const reshard = async (text: string | undefined): Promise<Answer> => {
  if (text !== undefined) {
    if (!/^[1-9]\d{0,3}$/.test(text)) throw new UsageError(`${text} is no number of shards`)
    const body = { shards: Number(text) }
    return await call({ method: "POST", path: "queue/shards", body })
  }
  const { shards } = await call({ method: "GET", path: "stats" })
  const current = shards?.filter((shard: Answer) => shard.current).length ?? 1
  return { current, ...(shards && { shards }) }
}
