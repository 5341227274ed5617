import { describe, expect, test } from "vitest"
import { isRefusal, isUnknownOutcome, redisErrorReason } from "./redis.ts"

describe("an error of Redis", () => {
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
    const reasons = [refusal, unsent, lost, null].map((error) => redisErrorReason(error))
    expect(reasons).toEqual(["OOM", "not connected", "no reply", "no reply"])
    const link = { connections: 1, trouble: "WRONGPASS", version: null, canAsk: true }
    expect(redisErrorReason(unsent, link)).toBe("not connected: WRONGPASS")
    expect(redisErrorReason(refusal, link)).toBe("OOM")
  })
})
