import { describe, expect, test } from "vitest"
import { TABLES } from "../../shared/tables.ts"
import { problemOf } from "../testing/app.ts"
import type { Settled } from "./commit.ts"
import { JSON_TYPE, setUp } from "./testing/app.ts"

const BODY = JSON.stringify({ key: "a/b", value: "canary" })
const EVENT = { type: "click", payload: { x: 1 }, at: "2026-11-25T10:00:00.000Z" }

/** An app where each write that is waited for ends so; `waits` are the waits. */
const settling = (settled: Settled | null) => {
  const waits: Array<readonly [version: number, millis: number]> = []
  const app = setUp({
    commits: async ({ version }, millis) => {
      waits.push([version, millis])
      return settled
    },
  })
  const ask = (prefer: string) => app.post(BODY, { ...JSON_TYPE, prefer })
  return { ...app, waits, ask }
}

describe("a client that waits for the commit", () => {
  test("is waited for no longer when it has left", async () => {
    const { send } = setUp({
      commits: (_version, _millis, signal) =>
        new Promise((resolve) => {
          signal?.addEventListener("abort", () => resolve(null))
        }),
    })
    const leaving = new AbortController()
    const headers = { ...JSON_TYPE, prefer: "wait=10" }
    const answer = send({ method: "POST", headers, body: BODY, signal: leaving.signal })
    setImmediate(() => leaving.abort())
    expect((await answer).status).toBe(202)
  })

  test("is answered 200 when it is there, and told that it was waited for", async () => {
    const { ask, waits, requests } = settling("committed")
    const { status, headers, body } = await ask("wait=10")
    expect([status, headers.get("preference-applied")]).toEqual([200, "wait"])
    expect(body).toMatchObject({ success: true, queued: true, committed: true, version: 17 })
    expect(waits).toEqual([[17, 10_000]])
    expect(requests).toEqual([{ isAwaited: true, key: null }])
  })

  test("is answered 202 when it was not there in time, and nothing was applied", async () => {
    const { status, headers, body } = await settling(null).ask("wait=1")
    expect([status, headers.get("preference-applied")]).toEqual([202, null])
    expect(body).not.toHaveProperty("committed")
  })

  test("is answered 422 with the reason when PostgreSQL refused it, and no value", async () => {
    const settled = { reason: "violates the constraint positive", sqlstate: "23514" }
    const { status, headers, body, text } = await settling(settled).ask("wait=1")
    expect(status).toBe(422)
    expect(body).toEqual({ ...problemOf("write-refused", 422), detail: settled.reason })
    expect([headers.get("preference-applied"), headers.get("location")]).toEqual([null, null])
    expect(text).not.toContain("canary")
  })

  test("waits for no longer than half a minute, whatever it prefers", async () => {
    const { ask, waits } = settling(null)
    await ask("wait=86400")
    expect(waits).toEqual([[17, 30_000]])
  })

  test.each(["respond-async", "wait", "wait=0", "wait=-1", "wait=soon"])(
    "does not wait when it says %s",
    async (prefer) => {
      const { ask, waits, requests } = settling("committed")
      expect((await ask(prefer)).status).toBe(202)
      expect([waits, requests]).toEqual([[], [undefined]])
    },
  )

  test("is not kept waiting for a write that was refused", async () => {
    const outcome = { refused: "queue-full", retryAfterSeconds: 7 } as const
    const commits = () => Promise.reject(new Error("asked"))
    const { post } = setUp({ outcome, commits })
    expect((await post(BODY, { ...JSON_TYPE, prefer: "wait=10" })).status).toBe(503)
  })

  test("may wait for a deletion, too", async () => {
    const { remove, waits, requests } = settling("committed")
    const { status, headers, body } = await remove("a", { headers: { prefer: "wait=10" } })
    expect([status, headers.get("preference-applied")]).toEqual([200, "wait"])
    expect(body).toMatchObject({ deleted: true, committed: true, version: 17 })
    expect([waits, requests]).toEqual([[[17, 10_000]], [{ isAwaited: true, key: null }]])
  })
})

describe("the Location of an answer", () => {
  const PLACES = [
    ["key_values", { key: "a/b ü", value: "v" }, "/read/a%2Fb%20%C3%BC?min_version=17"],
    [TABLES.events.name, EVENT, "/read/events/17?min_version=17"],
  ] as const

  test.each([null, "committed"] as const)("is where the row will be (%s)", async (settled) => {
    const { postTo, post, remove } = setUp({ commits: async () => settled })
    for (const [table, row, place] of PLACES) {
      expect((await postTo(table, row)).headers.get("location")).toBe(place)
    }
    const headers = { prefer: "wait=1" }
    const found = [
      await post(BODY, { ...JSON_TYPE, ...headers }),
      await remove("a%2Fb", { headers }),
    ]
    for (const answer of found) {
      expect(answer.headers.get("location")).toBe("/read/a%2Fb?min_version=17")
    }
  })
})

describe("an idempotency key", () => {
  const keyed = (key: string) => ({ ...JSON_TYPE, "idempotency-key": key })

  test("goes to the queue with the write, and the first answer is no repetition", async () => {
    const { post, requests } = setUp()
    const { status, headers } = await post(BODY, keyed('"8e03978e-40d5"'))
    expect([status, headers.get("idempotency-replayed")]).toEqual([202, null])
    expect(requests).toEqual([{ isAwaited: false, key: '"8e03978e-40d5"' }])
  })

  test("that was there is answered with the first version, and as a repetition", async () => {
    const { post, remove } = setUp({ outcome: { version: 9, depth: 3, isRepeated: true } })
    const answers = [
      await post(BODY, keyed("k")),
      await remove("a", { headers: { "idempotency-key": "k" } }),
    ]
    for (const { status, headers, body } of answers) {
      expect([status, headers.get("idempotency-replayed")]).toEqual([202, "true"])
      expect(body).toMatchObject({ version: 9, queue_depth: 3 })
    }
  })

  test("of another payload is a conflict, which no Retry-After mends", async () => {
    const { post } = setUp({ outcome: { refused: "idempotency-conflict" } })
    const { status, headers, body } = await post(BODY, keyed("k"))
    expect([status, headers.get("retry-after")]).toEqual([422, null])
    expect(body).toEqual(problemOf("idempotency-conflict", 422))
  })

  test.each([
    ["empty", ""],
    ["too long", "k".repeat(256)],
    ["with a tab", "a\tb"],
    ["with what is no ASCII", "clé"],
  ])("is 400 when it is %s, and nothing is queued", async (_, key) => {
    const { post, remove, postAll, writes } = setUp()
    const headers = { "idempotency-key": key }
    for (const answer of [
      await post(BODY, keyed(key)),
      await remove("a", { headers }),
      await postAll(BODY, headers),
    ]) {
      expect(answer.status).toBe(400)
      expect(answer.body).toEqual(problemOf("malformed-idempotency-key", 400))
    }
    expect(writes).toEqual([])
  })

  test("may be as long as 255 characters, and go with a wait", async () => {
    const { post, requests } = setUp({ commits: async () => "committed" })
    const key = "k".repeat(255)
    const { status } = await post(BODY, { ...keyed(key), prefer: "wait=1" })
    expect([status, requests]).toEqual([200, [{ isAwaited: true, key }]])
  })
})
