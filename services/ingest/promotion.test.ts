import { expect, test, vi } from "vitest"
import type { Queue } from "../../shared/queue/queue.ts"
import { keyValue } from "../../shared/testing/write.ts"
import { makePut } from "./queue.ts"
import { fakeShard } from "./testing/shards.ts"

type Reply = Awaited<ReturnType<Queue["enqueue"]>>

const TAKEN: Reply = { depth: 1, first: 100, step: 1, taken: 1, drained: 0, repeated: new Map() }
const FULL: Reply = { depth: 500, first: 0, step: 1, taken: 0, drained: 0, repeated: new Map() }

test("asks whether Redis is still the one it was until a write was taken on the connection, and once a second", async () => {
  let reply: () => Promise<Reply>
  const asked: boolean[] = []
  const link = { connections: 1, trouble: null, version: null, canAsk: true }
  const enqueue: Queue["enqueue"] = ({ isFirst }) => {
    asked.push(isFirst)
    return reply()
  }
  const put = makePut(fakeShard({ enqueue }, link), { maxDepth: 500, onceSeconds: 60 }, () => {})
  const send = async (answer: () => Promise<Reply>) => {
    reply = answer
    await put(keyValue("a"))
  }
  const readOnly = Object.assign(new Error("READONLY"), { name: "ReplyError" })

  await send(() => Promise.reject(readOnly))
  await send(async () => FULL)
  await send(async () => TAKEN)
  await send(async () => TAKEN)
  expect(asked).toEqual([true, true, true, false])
  link.connections += 1
  await send(async () => TAKEN)
  await send(async () => TAKEN)
  expect(asked.slice(4)).toEqual([true, false])
  const clock = vi.spyOn(performance, "now").mockReturnValue(performance.now() + 1_001)
  await send(async () => TAKEN)
  await send(async () => TAKEN)
  clock.mockRestore()
  expect(asked.slice(6)).toEqual([true, false])
})
