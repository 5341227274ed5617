import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import type { Found } from "../../shared/table/select.ts"
import { problemOf } from "../testing/app.ts"
import { setUp as setUpApp, VALUE } from "./testing/app.ts"

const SECOND = 1_000

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const pass = (millis: number) => vi.advanceTimersByTimeAsync(millis)

const written = (version: number): Found => ({
  version,
  row: { key: "a", version, ...VALUE },
})
const deleted = (version: number): Found => ({ version, row: null })

/** A reader of one row, which changes as a test says. */
const setUp = (found: Found | null = null) => {
  const state = { found, error: null as Error | null, reads: 0 }
  const app = setUpApp({
    read: async (_, keys) => {
      state.reads += 1
      if (state.error) throw state.error
      const { found } = state
      return new Map(found ? keys.map((key) => [key, found]) : [])
    },
  })
  /** A read that waits for so many seconds. */
  const send = (path: string, wait?: number, init: RequestInit = {}) => {
    const prefer = wait === undefined ? {} : { prefer: `wait=${wait}` }
    return app.send(path, "GET", { ...init, headers: { ...init.headers, ...prefer } })
  }
  return { ...app, send, state }
}

const notReached = (version: number | null) => ({
  ...problemOf("version-not-reached", 412),
  version,
})

describe("a read from some version on", () => {
  test.each(["/read/a?min_version=", "/read/key_values/a?min_version="])(
    "is answered with the row at that version or a later one: %s",
    async (path) => {
      const { send } = setUp(written(17))
      for (const version of [0, 16, 17]) {
        const { status, headers, body } = await send(path + version)
        expect([status, body.version]).toEqual([200, 17])
        expect(headers.get("preference-applied")).toBeNull()
      }
    },
  )

  test("is 412 while the row is older, with its version and a time to come back", async () => {
    const { send, state } = setUp(written(17))
    for (const path of ["/read/a?min_version=18", "/read/key_values/a?min_version=18"]) {
      const { status, headers, body } = await send(path)
      expect(status).toBe(412)
      expect(headers.get("retry-after")).toBe("1")
      expect(headers.get("cache-control")).toBe("no-store")
      expect(body).toEqual(notReached(17))
    }
    state.found = null
    expect((await send("/read/a?min_version=1")).body).toEqual(notReached(null))
    state.found = deleted(16)
    expect((await send("/read/a?min_version=17")).body).toEqual(notReached(16))
  })

  test("is 404 when the row was deleted at that version or later, or none is asked for", async () => {
    const { send, state } = setUp(deleted(17))
    for (const path of ["/read/a?min_version=17", "/read/a?min_version=0", "/read/a"]) {
      const { status, body } = await send(path)
      expect([status, body]).toEqual([404, problemOf("no-such-key", 404)])
    }
    state.found = null
    expect((await send("/read/a?min_version=0")).status).toBe(404)
  })

  test.each([
    ...["", "a", "-1", "+1", "1.5", "1e3", "0x1", "%201", "1%00", "%ff", "9".repeat(20)],
    ...["1&min_version=1", "1&min_version=2"],
  ])("is 422 from %j on", async (version) => {
    const { send, state } = setUp(written(17))
    for (const path of ["/read/a?", "/read/events/17?", "/read?key=a&", "/read/events?key=17&"]) {
      const { status, body } = await send(`${path}min_version=${version}`)
      expect([status, body]).toEqual([422, problemOf("invalid-request", 422)])
      expect(body.detail).toContain("min_version")
    }
    expect(state.reads).toBe(0)
  })

  test("is of one row alone: of many it is 422, and not forgotten", async () => {
    const { send, state } = setUp(written(17))
    for (const path of ["/read?key=a&min_version=1", "/read/events?min_version=1&key=17"]) {
      expect((await send(path)).body).toEqual(problemOf("invalid-request", 422))
    }
    expect(state.reads).toBe(0)
  })

  test("may be that of an appended row", async () => {
    const { status, body } = await setUpApp().send("/read/events/17?min_version=17")
    expect([status, body.version]).toEqual([200, 17])
    expect((await setUpApp().send("/read/events/17?min_version=18")).status).toBe(412)
  })
})

describe("a read that waits", () => {
  test("is answered at once when the row is there, and says that it would have waited", async () => {
    const { status, headers } = await setUp(written(17)).send("/read/a?min_version=17", 5)
    expect([status, headers.get("preference-applied")]).toEqual([200, "wait"])
  })

  test.each([
    ["written", written(18), 200],
    ["deleted", deleted(19), 404],
  ] as const)("is answered as soon as the row is %s", async (_, found, status) => {
    const { send, state } = setUp(written(17))
    const answered = vi.fn()
    const sent = send("/read/a?min_version=18", 5).then((answer) => {
      answered()
      return answer
    })
    await pass(2 * SECOND)
    expect(answered).not.toHaveBeenCalled()
    state.found = found
    await pass(250)
    expect(answered).toHaveBeenCalled()
    const answer = await sent
    expect([answer.status, answer.headers.get("preference-applied")]).toEqual([status, "wait"])
  })

  test.each([
    [undefined, 0],
    [0, 0],
    [2, 2],
    [90, 30],
  ])(
    "with wait=%s is 412 after %i seconds, and does not say that it was honoured",
    async (...given) => {
      const [wait, seconds] = given
      const { send } = setUp(written(17))
      const sent = send("/read/a?min_version=18", wait)
      const answered = vi.fn()
      void sent.then(answered)
      if (seconds > 0) {
        await pass(seconds * SECOND - 1)
        expect(answered).not.toHaveBeenCalled()
        await pass(20)
      }
      const { status, headers, body } = await sent
      expect([status, headers.get("preference-applied")]).toEqual([412, null])
      expect(body).toEqual(notReached(17))
    },
  )

  test("does not wait when no version is asked for", async () => {
    const { status, headers } = await setUp().send("/read/a", 5)
    expect([status, headers.get("preference-applied")]).toEqual([404, null])
  })

  test("goes on waiting while the database fails, and is 503 when it still does at the end", async () => {
    const { send, state, reported } = setUp(written(17))
    const error = new Error("canary")
    state.error = error
    const [short, long] = [send("/read/a?min_version=18", 1), send("/read/a?min_version=18", 5)]
    await pass(SECOND + 20)
    const { status, headers, body } = await short
    expect([status, headers.get("retry-after")]).toEqual([503, "1"])
    expect(body).toEqual(problemOf("database-unavailable", 503))
    expect(reported).toEqual([error])
    state.error = null
    state.found = written(18)
    await pass(SECOND)
    expect((await long).status).toBe(200)
  })

  test("leaves when its client does", async () => {
    const { send, state } = setUp(written(17))
    const leaving = new AbortController()
    const sent = send("/read/a?min_version=18", 30, { signal: leaving.signal })
    await pass(SECOND)
    leaving.abort()
    await sent
    const { reads } = state
    await pass(SECOND)
    expect(state.reads).toBe(reads)
  })

  test("is answered with what there is when the service stops", async () => {
    const { send, end } = setUp(written(17))
    const waiting = send("/read/a?min_version=18", 30)
    await pass(SECOND)
    end()
    await pass(20)
    expect((await waiting).body).toEqual(notReached(17))
    expect((await send("/read/a?min_version=18", 30)).status).toBe(412)
  })

  test("shares its reads with all others of the table", async () => {
    const { send, state } = setUp(written(17))
    const all = Array.from({ length: 100 }, (_, index) => send(`/read/${index}?min_version=18`, 10))
    await pass(20)
    const before = state.reads
    await pass(5 * SECOND)
    expect(state.reads - before).toBeLessThan(100)
    state.found = written(18)
    await pass(250)
    expect((await Promise.all(all)).map(({ status }) => status)).toEqual(Array(100).fill(200))
  })
})
