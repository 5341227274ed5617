import { expect, test } from "vitest"
import type { Shard } from "../../shared/queue/open-shards.ts"
import { TooFewReplicas, untilReplicated } from "./replicas.ts"

/** Whether a group counts as queued when the script was sent again after the first question. */
const sendAgain = async (...counts: ReadonlyArray<number>) => {
  const asked: number[] = []
  let reconnected = 0
  const redis = { link: { connections: 1 }, connector: {}, disconnect: () => ++reconnected }
  const replicated = async () => counts[asked.push(1) - 1] ?? 0
  const sent = Promise.withResolvers<string>()
  const shard = { redis, queue: { replicated } } as unknown as Shard
  const outcome = untilReplicated(shard, 1, () => sent.promise)
  setImmediate(() => sent.resolve("queued"))
  return await outcome.then(
    (reply) => [reply, reconnected],
    (error) => [error, reconnected],
  )
}

test("asks the replicas again when they answered before the script was executed", async () => {
  expect(await sendAgain(1, 0)).toEqual([expect.any(TooFewReplicas), 1])
  expect(await sendAgain(1, 1)).toEqual(["queued", 0])
})
