import { describe, expect, test } from "vitest"
import { queueKeys } from "./keys.ts"

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
      layout: "{write_queue}:layout",
      leases: "{write_queue}:leases",
      workers: "{write_queue}:workers",
      holds: "{write_queue}:holds",
      counters: "{write_queue}:counters",
      dead: "{write_queue}:dead",
      lostLeases: "{write_queue}:silences",
      asked: "{write_queue}:asked",
      outcomePrefix: "{write_queue}:outcome:",
      oncePrefix: "{write_queue}:once:",
      lots: "{write_queue}:lots",
      lotPrefix: "{write_queue}:lot:",
      batchPrefix: "{write_queue}:batch:",
      batch: "{write_queue}:batch:7",
    })
  })

  test.each(["write_queue", "orders_in_tests", "a:b.c-d", "{orders_in_tests}:writes"])(
    "share one slot of Redis Cluster: %s",
    (name) => {
      const { batch, lotPrefix, ...others } = queueKeys(name)
      const all = [...Object.values(others), batch("7"), `${lotPrefix}orders_in_tests.note`]
      expect(new Set(all.map(slotOf)).size).toBe(1)
      expect(new Set(all).size).toBe(all.length)
    },
  )

  test("are in the slot that redis-cli computes", () => {
    expect(slotOf("write_queue")).toBe(6_981)
  })
})
