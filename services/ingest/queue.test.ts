import { setImmediate as turn } from "node:timers/promises"
import { describe, expect, test } from "vitest"
import { decodeItem } from "../../shared/item.ts"
import type { Queue } from "../../shared/queue/queue.ts"
import { keyValue } from "../../shared/testing/write.ts"
import { makePut, WAITING_MAX_BYTES, WAITING_MAX_WRITES } from "./queue.ts"
import { CALL_MAX_BYTES, CALL_MAX_WRITES } from "./sender.ts"
import { fakeShard } from "./testing/shards.ts"

const MAX_DEPTH = 500

type Reply = [depth: number, first: number, taken: number, drained: number]

interface Call {
  readonly items: ReadonlyArray<string>
  reply(reply: Reply): void
  fail(error: Error): void
}

/** A queue that keeps each call until the test replies. */
const setUp = () => {
  const calls: Call[] = []
  const reported: Array<[reason: string, writes: number]> = []
  const enqueue: Queue["enqueue"] = ({ most, writes }) => {
    const { promise, resolve, reject } =
      Promise.withResolvers<Awaited<ReturnType<Queue["enqueue"]>>>()
    expect(most).toBe(MAX_DEPTH)
    const reply = ([depth, first, taken, drained]: Reply) =>
      resolve({ depth, first, step: 1, taken, drained, repeated: new Map() })
    calls.push({ items: writes, reply, fail: reject })
    return promise
  }
  const link = { connections: 1, trouble: null, version: null, canAsk: true }
  const put = makePut(
    fakeShard({ enqueue }, link),
    { maxDepth: MAX_DEPTH, onceSeconds: 60 },
    (...line) => reported.push(line),
  )
  const call = (index: number) => calls[index] as Call
  return { put, calls, call, reported }
}

const write = (key: string, bytes = 1) => keyValue(key, "v".repeat(bytes))
const replyError = (message: string) => Object.assign(new Error(message), { name: "ReplyError" })

const UNAVAILABLE = { refused: "queue-unavailable", retryAfterSeconds: 1 }

describe("put", () => {
  test("sends all writes of a turn in one call and numbers them in their order", async () => {
    const { put, calls, call } = setUp()
    const outcomes = [put(write("a")), put(write("b")), put(write("a"))]
    await turn()
    expect(calls).toHaveLength(1)
    expect(call(0).items.map((item) => JSON.parse(String(item)))).toEqual([
      write("a").row,
      write("b").row,
      write("a").row,
    ])
    call(0).reply([10, 100, 3, 0])
    expect(await Promise.all(outcomes)).toEqual([
      { version: 100, depth: 10 },
      { version: 101, depth: 10 },
      { version: 102, depth: 10 },
    ])
  })

  test("waits for all callbacks of a turn, each of which is a request", async () => {
    const { put, calls } = setUp()
    for (const key of ["a", "b", "c"]) {
      void put(write(key))
      await Promise.resolve()
    }
    await turn()
    expect(calls.map(({ items }) => items.length)).toEqual([3])
  })

  test("sends what the script can splice a version into, and the worker can read", async () => {
    const { put, call } = setUp()
    const odd = keyValue('"\\\n', '{"version":1}')
    void put(odd)
    await turn()
    const item = `{"version":17,${String(call(0).items[0]).slice(1)}`
    expect(decodeItem(item)).toMatchObject({ success: { version: 17, write: odd } })
  })

  test("does not wait for the reply to one turn before it sends the next", async () => {
    const { put, calls, call } = setUp()
    const first = put(write("a"))
    await turn()
    const second = put(write("b"))
    await turn()
    expect(calls).toHaveLength(2)
    call(1).reply([2, 200, 1, 0])
    expect(await second).toEqual({ version: 200, depth: 2 })
    call(0).reply([1, 100, 1, 0])
    expect(await first).toEqual({ version: 100, depth: 1 })
  })

  test("sends nothing when there is nothing to send", async () => {
    const { calls } = setUp()
    await turn()
    expect(calls).toEqual([])
  })

  test("begins another call when one has its number of writes", async () => {
    const { put, calls } = setUp()
    for (let i = 0; i <= CALL_MAX_WRITES; i++) void put(write(`${i}`))
    await turn()
    expect(calls.map(({ items }) => items.length)).toEqual([CALL_MAX_WRITES, 1])
  })

  test("begins another call when one has its number of bytes", async () => {
    const { put, calls, call } = setUp()
    const bytes = CALL_MAX_BYTES / 4
    for (let i = 0; i < 8; i++) void put(write(`${i}`, bytes))
    await turn()
    expect(calls.map(({ items }) => items.length)).toEqual([3, 3])
    call(0).reply([3, 1, 3, 0])
    await turn()
    await turn()
    expect(calls.map(({ items }) => items.length)).toEqual([3, 3, 2])
  })

  test("gathers what comes while two calls are under way into the next", async () => {
    const { put, calls, call } = setUp()
    for (let i = 0; i < 5; i++) {
      void put(write(`${i}`))
      await turn()
    }
    expect(calls.map(({ items }) => items.length)).toEqual([1, 1])
    call(1).reply([2, 2, 1, 0])
    await turn()
    await turn()
    expect(calls.map(({ items }) => items.length)).toEqual([1, 1, 3])
  })

  test("refuses unsent what gathered while a call got no reply", async () => {
    const { put, calls, call } = setUp()
    const outcomes: Array<Promise<unknown>> = []
    for (let i = 0; i < 4; i++) {
      outcomes.push(put(write(`${i}`)))
      await turn()
    }
    call(0).fail(new Error("Command timed out"))
    expect(await outcomes[0]).toMatchObject({ refused: "outcome-unknown" })
    expect(await Promise.all(outcomes.slice(2))).toEqual([UNAVAILABLE, UNAVAILABLE])
    await turn()
    expect(calls).toHaveLength(2)
  })
})

describe("a refusal", () => {
  test("meets the last writes of a group that fits in part", async () => {
    const { put, call } = setUp()
    const outcomes = [put(write("a")), put(write("b")), put(write("c"))]
    await turn()
    call(0).reply([MAX_DEPTH, 100, 1, 25])
    const full = { refused: "queue-full", retryAfterSeconds: MAX_DEPTH / 25 }
    expect(await Promise.all(outcomes)).toEqual([{ version: 100, depth: MAX_DEPTH }, full, full])
  })

  test.each([
    ["a tenth of the queue at the rate of the last seconds", 1_000, 125, 8],
    ["at least a second", 1_000, 1_000_000, 1],
    ["at most a minute", 1_000_000, 1, 60],
    ["a minute when nothing drains", 1_000, 0, 60],
  ])("of a full queue says to wait %s", async (_, depth, drained, seconds) => {
    const { put, call, reported } = setUp()
    const outcome = put(write("a"))
    await turn()
    call(0).reply([depth, 0, 0, drained])
    expect(await outcome).toEqual({ refused: "queue-full", retryAfterSeconds: seconds })
    expect(reported).toEqual([])
  })

  test.each([
    ["OOM command not allowed when used memory > 'maxmemory'.", "queue-full", 10, "OOM"],
    ["MISCONF Errors writing to the AOF file", "queue-unavailable", 1, "MISCONF"],
    ["READONLY You can't write against a read only replica.", "queue-unavailable", 1, "READONLY"],
    ["LOADING Redis is loading the dataset in memory", "queue-unavailable", 1, "LOADING"],
    ["NOPERM this user has no permissions", "queue-unavailable", 1, "NOPERM"],
    ["WRONGTYPE Operation against a key", "queue-unavailable", 1, "WRONGTYPE"],
  ])("by Redis with %s is %s", async (message, refused, retryAfterSeconds, reason) => {
    const { put, call, reported } = setUp()
    const outcomes = [put(write("a")), put(write("b"))]
    await turn()
    call(0).fail(replyError(message))
    const refusal = { refused, retryAfterSeconds }
    expect(await Promise.all(outcomes)).toEqual([refusal, refusal])
    expect(reported).toEqual([[reason, 2]])
  })

  test("is certain when nothing was sent", async () => {
    const { put, call } = setUp()
    const outcome = put(write("a"))
    await turn()
    call(0).fail(new Error("Stream isn't writeable and enableOfflineQueue options is false"))
    expect(await outcome).toEqual(UNAVAILABLE)
  })

  test.each(["Command timed out", "Connection is closed.", "read ECONNRESET"])(
    "is not certain when the reply is lost (%s), and the write is not sent again",
    async (message) => {
      const { put, calls, call, reported } = setUp()
      const outcome = put(write("canary"))
      await turn()
      call(0).fail(new Error(message))
      expect(await outcome).toEqual({ refused: "outcome-unknown", retryAfterSeconds: 1 })
      await turn()
      expect(calls).toHaveLength(1)
      expect(reported).toEqual([["no reply", 1]])
    },
  )
})

describe("what waits for a reply", () => {
  test("is bounded in number; more is refused unsent, until replies come", async () => {
    const { put, calls, call } = setUp()
    for (let i = 0; i < WAITING_MAX_WRITES; i++) void put(write(`${i}`))
    await turn()
    expect(await put(write("one more"))).toEqual(UNAVAILABLE)
    const sent = calls.length
    // The last is full as well, but waits with those before it under way.
    expect(sent).toBe(WAITING_MAX_WRITES / CALL_MAX_WRITES - 1)
    call(0).reply([CALL_MAX_WRITES, 1, CALL_MAX_WRITES, 0])
    await turn()
    void put(write("again"))
    await turn()
    expect(calls).toHaveLength(sent + 1)
  })

  test("is bounded in bytes; also a failed call makes room", async () => {
    const { put, call } = setUp()
    const bytes = WAITING_MAX_BYTES / 64
    for (let i = 0; i < 63; i++) void put(write(`${i}`, bytes))
    await turn()
    expect(await put(write("one more", bytes))).toEqual(UNAVAILABLE)
    call(0).fail(new Error("Command timed out"))
    await turn()
    const again = put(write("again", bytes))
    expect(await Promise.race([again, turn("it waits")])).toBe("it waits")
  })
})
