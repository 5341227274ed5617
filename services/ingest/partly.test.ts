import { describe, expect, test } from "vitest"
import { problemOf } from "../testing/app.ts"
import type { Outcome } from "./outcome.ts"
import { setUp } from "./testing/app.ts"
import { lines, many, ROWS } from "./testing/rows.ts"

describe("many writes of which Redis takes a part", () => {
  /** The first so many are queued, those up to `unknown` perhaps, the others are not. */
  const ending = (queued: number, unknown: number) => {
    let count = 0
    return setUp({
      put: async () => {
        count += 1
        if (count <= queued) return { version: count, depth: count }
        const refused = count <= unknown ? "outcome-unknown" : "queue-unavailable"
        return { refused, retryAfterSeconds: 3 }
      },
    })
  }

  test("are answered with how many are queued, and how many may be", async () => {
    const { postAll } = ending(1_500, 1_800)
    const { status, headers, body } = await postAll(lines(many(5_000)))
    expect([status, headers.get("retry-after")]).toEqual([503, "3"])
    expect(body).toMatchObject({ type: "/problems/outcome-unknown", queued: 1_500, unknown: 300 })
    expect(body).toMatchObject({ not_queued: [[1_800, 4_999]], not_known: [[1_500, 1_799]] })
    expect(body.detail).toContain("Idempotency-Key")
  })

  test("are answered with what they must not be repeated for, whatever else there is", async () => {
    const outcomes: ReadonlyArray<Outcome> = [
      { version: 1, depth: 1 },
      { refused: "queue-full", retryAfterSeconds: 1 },
      { refused: "outcome-unknown", retryAfterSeconds: 1 },
      { refused: "idempotency-conflict" },
    ]
    const answered = async (...given: ReadonlyArray<Outcome>) => {
      let at = 0
      const { postAll } = setUp({ put: async () => given[at++] as Outcome })
      return (await postAll(lines(many(given.length)))).body
    }
    const conflict = await answered(...outcomes)
    expect(conflict.type).toBe("/problems/idempotency-conflict")
    expect(conflict.detail).not.toContain("Repeat")
    expect(conflict).toMatchObject({
      not_queued: [
        [1, 1],
        [3, 3],
      ],
      not_known: [[2, 2]],
    })
    const unknown = await answered(...outcomes.slice(0, 3))
    expect(unknown).toMatchObject({ type: "/problems/outcome-unknown", queued: 1, unknown: 1 })
  })

  test("and of which none may be are refused as one would be", async () => {
    const { status, body } = await ending(0, 0).postAll(lines(ROWS))
    expect(status).toBe(503)
    expect(body).toEqual({ ...problemOf("queue-unavailable", 503), queued: 0, unknown: 0 })
    expect(body.detail).toBe("The write was not queued. Repeat it.")
  })

  test("count as unknown when they were queued behind one that is not known", async () => {
    let count = 0
    const put = async () =>
      ++count === 1
        ? ({ refused: "outcome-unknown", retryAfterSeconds: 1 } as const)
        : { version: count, depth: count }
    const { body } = await setUp({ put }).postAll(lines(many(3)))
    expect(body).toMatchObject({ queued: 0, unknown: 3 })
  })

  test("with another call's key are a conflict", async () => {
    const { postAll } = setUp({ outcome: { refused: "idempotency-conflict" } })
    const { status, body } = await postAll(lines(ROWS), { "idempotency-key": "k" })
    expect([status, body.type]).toEqual([422, "/problems/idempotency-conflict"])
    expect(body).toMatchObject({ queued: 0, unknown: 0 })
  })

  test("with their own key are a repetition when all were queued before", async () => {
    const outcome = { version: 9, depth: 3, isRepeated: true } as const
    const { postAll, requests } = setUp({ outcome })
    const { status, headers } = await postAll(lines(ROWS), { "idempotency-key": "k" })
    expect([status, headers.get("idempotency-replayed")]).toEqual([202, "true"])
    expect(new Set(requests.map((request) => request?.key)).size).toBe(2)
    expect(new Set(requests.map((request) => request?.payload)).size).toBe(1)
  })
})
