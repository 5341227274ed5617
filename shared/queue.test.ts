import { describe, expect, test } from "vitest"
import { SCRIPTS } from "./protocol.ts"
import { isRefusal, isUnknownOutcome, queueErrorReason, queueKeys } from "./queue.ts"

/** CRC16 of XMODEM, by which Redis Cluster places a key: of what is in the first braces, if anything. */
const slotOf = (key: string): number => {
  const text = /\{([^}]+)\}/.exec(key)?.[1] ?? key
  let crc = 0
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
  }
  return (crc & 0xffff) % 16_384
}

describe("queueKeys", () => {
  test("are the names that others rely on", () => {
    expect({ ...queueKeys("write_queue"), batch: queueKeys("write_queue").batch("7") }).toEqual({
      waiting: "write_queue",
      leases: "{write_queue}:leases",
      workers: "{write_queue}:workers",
      holds: "{write_queue}:holds",
      counters: "{write_queue}:counters",
      dead: "{write_queue}:dead",
      silences: "{write_queue}:silences",
      batchPrefix: "{write_queue}:batch:",
      batch: "{write_queue}:batch:7",
    })
  })

  test.each(["write_queue", "orders", "a:b.c-d", "{orders}:writes"])(
    "share one slot of Redis Cluster: %s",
    (name) => {
      const { waiting, leases, workers, holds, counters, dead, batch } = queueKeys(name)
      const all = [waiting, leases, workers, holds, counters, dead, batch("7")]
      expect(new Set(all.map(slotOf)).size).toBe(1)
      expect(new Set(all).size).toBe(all.length)
    },
  )

  test("are in the slot that redis-cli computes", () => {
    expect(slotOf("write_queue")).toBe(6_981)
  })
})

describe("an error of the queue", () => {
  const refusal = Object.assign(new Error("OOM command not allowed, key 'secret'"), {
    name: "ReplyError",
  })
  const unsent = new Error("Stream isn't writeable and enableOfflineQueue options is false")
  const lost = new Error("Connection is closed.")

  test("is a refusal, unsent, or of unknown outcome", () => {
    expect([refusal, unsent, lost].map(isRefusal)).toEqual([true, false, false])
    expect([refusal, unsent, lost].map(isUnknownOutcome)).toEqual([false, false, true])
    expect(isUnknownOutcome("a surprise")).toBe(true)
  })

  test("has a reason that holds no argument", () => {
    const reasons = [refusal, unsent, lost, null].map((error) => queueErrorReason(error))
    expect(reasons).toEqual(["OOM", "not connected", "no reply", "no reply"])
    const link = { connections: 1, trouble: "WRONGPASS", version: null }
    expect(queueErrorReason(unsent, link)).toBe("not connected: WRONGPASS")
    expect(queueErrorReason(refusal, link)).toBe("OOM")
  })
})

describe("the scripts", () => {
  const { enqueue, look, snapshot, ...draining } = SCRIPTS

  test("that drain work when Redis is full, and the one that fills does not", () => {
    for (const [name, { lua }] of Object.entries(draining)) {
      expect(`${name} ${lua}`).toMatch(/^\w+ #!lua flags=allow-oom\n/)
    }
    // Without flags Redis looks before it runs anything of it.
    expect(enqueue.lua).toMatch(/^#!lua\n/)
  })

  test("that only look may run on a replica and in a full Redis", () => {
    for (const { lua } of [look, snapshot]) {
      expect(lua.startsWith("#!lua flags=allow-oom,no-writes\n")).toBe(true)
    }
  })

  test("name every key they are given, and no other", () => {
    for (const { lua, numberOfKeys } of Object.values(SCRIPTS)) {
      const used = [...lua.matchAll(/KEYS\[(\d)\]/g)].map(([, index]) => Number(index))
      expect(Math.max(...used)).toBe(numberOfKeys)
      expect(new Set(used).size).toBe(numberOfKeys)
    }
  })
})
