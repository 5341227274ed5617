import { expect, test } from "vitest"
import { makePut } from "./queue.ts"

type Reply = [depth: number, first: number, taken: number, drained: number]

const TAKEN: Reply = [1, 100, 1, 0]
const FULL: Reply = [500, 0, 0, 0]

test("asks whether Redis is still the one it was until a write was taken on the connection", async () => {
  let reply: () => Promise<Reply>
  const asked: boolean[] = []
  const link = { connections: 1, trouble: null, version: null }
  const enqueue = (...parameters: Array<string | number>) => {
    asked.push(parameters[4] === 1)
    return reply()
  }
  const put = makePut({ enqueue, link }, "write_queue", 500, () => {})
  const send = async (answer: () => Promise<Reply>) => {
    reply = answer
    await put({ key: "a", value: "v" })
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
})
